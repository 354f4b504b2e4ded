import { figuresOf, isSound, ratioOf } from "../figures.ts";
import type { Result } from "../rounds.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { titleOf } from "./overview.ts";
import type { Report } from "./report.ts";
import { failed } from "./scenario-table.ts";
import { cell, nothing, table } from "./table.ts";

/** CPU time by size, a row for each peer, and how much the largest costs more than the smallest in the same rounds. */
export function growthTable(
  { id, title, cases }: Scenario,
  { results }: Report,
): readonly string[] {
  const own = results.filter((result) => result.scenario === id);
  const labels = cases.map(({ label }) => label).filter((label) => own.some((result) => result.label === label));
  const rows = [...new Set(own.map(({ peer }) => peer))].map((peer) => {
    const sizes = labels.map((label) => own.find((result) => result.peer === peer && result.label === label));
    return [
      titleOf(peer),
      ...sizes.map((result) => sizeCell(result, results)),
      growth(sizes.at(0), sizes.at(-1)),
    ];
  });
  return [
    "",
    `## ${id}: ${title}`,
    "",
    ...table(["CPU µs/request (× nginx)", ...labels, "growth"], rows),
  ];
}

function sizeCell(result: Result | undefined, all: readonly Result[]): string {
  if (result === undefined) return nothing;
  const figures = figuresOf(result, all);
  if (figures === undefined) return `not measured: ${result.skipped}`;
  return isSound(result) ? cell(figures.cpuUs) : failed(figures.failures);
}

function growth(
  smallest: Result | undefined,
  largest: Result | undefined,
): string {
  if (smallest === undefined || largest === undefined || smallest === largest) {
    return nothing;
  }
  if (!isSound(smallest) || !isSound(largest)) return nothing;
  const percent = Math.round(
    (ratioOf(largest, smallest, ({ cpuUs }) => cpuUs) - 1) * 100,
  );
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
}
