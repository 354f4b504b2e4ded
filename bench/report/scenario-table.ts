import { figuresOf, find, isSound, median } from "../figures.ts";
import type { Result } from "../rounds.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { Sample } from "../subject.ts";
import { titleOf } from "./overview.ts";
import type { Report } from "./report.ts";
import { cell, nothing, short, table } from "./table.ts";

/** Everything that was measured in a scenario, a row for each peer in each case. */
export function scenarioTable(
  scenario: Scenario,
  { results }: Report,
): readonly string[] {
  const { id, title, unit } = scenario;
  const own = results.filter((result) => result.scenario === id);
  const hasDirect = own.some(({ peer }) => peer === "direct");
  const head = [
    "",
    `CPU µs/${unit}`,
    `${unit}s/s`,
    "p50 µs",
    "p99 µs",
    ...(hasDirect ? ["p50 added µs", "p99 added µs"] : []),
    "peak MiB",
  ];
  const rows = own.map((
    result,
  ) => [nameOf(result), ...cells(result, results, hasDirect)]);
  return ["", `## ${id}: ${title}`, "", ...table(head, rows), ...lateness(own)];
}

function cells(
  result: Result,
  all: readonly Result[],
  hasDirect: boolean,
): readonly string[] {
  const figures = figuresOf(result, all);
  if (figures === undefined) return [`not measured: ${result.skipped}`];
  if (!isSound(result)) return [failed(figures.failures)];
  const { cpuUs, perSecond, p50Us, p99Us, peakMiB } = figures;
  const added = hasDirect
    ? [
      addedUs(result, all, (at) => at.p50Us),
      addedUs(result, all, (at) => at.p99Us),
    ]
    : [];
  return [
    cell(cpuUs),
    cell(perSecond),
    cell(p50Us),
    cell(p99Us),
    ...added,
    cell(peakMiB),
  ];
}

/** What makes the figures void. */
export function failed(failures: Readonly<Record<string, number>>): string {
  return `void: ${
    Object.entries(failures).map(([kind, count]) => `${count.toLocaleString("en")} ${kind}`).join(", ")
  } failed`;
}

function addedUs(
  result: Result,
  all: readonly Result[],
  of: (sample: Sample) => number,
): string {
  const direct = find(all, result, "direct");
  if (direct === undefined || direct === result) return nothing;
  return short(median(result.samples.flatMap((sample, round) => {
    const beside = direct.samples[round];
    return beside === undefined ? [] : [of(sample) - of(beside)];
  })));
}

function lateness(results: readonly Result[]): readonly string[] {
  const late = results.flatMap(({ samples }) => samples.flatMap(({ lateUs }) => lateUs ?? []));
  if (late.length === 0) return [];
  return [
    "",
    `Requests were sent ${short(median(late))} µs after they were due, at the 99th percentile.`,
  ];
}

const nameOf = (
  { peer, label }: Result,
) => (label === "" ? titleOf(peer) : `${titleOf(peer)}, ${label}`);
