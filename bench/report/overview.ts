import { type Figures, figuresOf, find, isSound, ratioOf } from "../figures.ts";
import { peers } from "../peers/index.ts";
import type { Result } from "../rounds.ts";
import type { Report } from "./report.ts";
import { cell, nothing, table } from "./table.ts";

/** Everybody's versions and CPU time in all scenarios, on one table. */
export function overview(report: Report): readonly string[] {
  const { scenarios, results, versions, missing } = report;
  const columns = [
    ...scenarios.filter(({ grows }) => !grows).flatMap(({ id, cases }) =>
      cases.map(({ label }) => ({
        head: label === "" ? id : `${id}, ${label}`,
        id,
        label,
        of: cpu,
      }))
    ),
    ...(scenarios.some(({ id }) => id === "S1") ? [{ head: "MiB in S1", id: "S1", label: "", of: memory }] : []),
  ];
  const rows = peers.flatMap(({ name, title }) => {
    const version = versions[name];
    if (version === undefined) {
      return missing[name] === undefined ? [] : [[title, `not measured: ${missing[name]}`]];
    }
    const cells = columns.map(({ id, label, of }) => {
      const result = results.find(({ scenario, label: own, peer }) =>
        scenario === id && own === label && peer === name
      );
      return result === undefined ? "" : shortly(result, results, of);
    });
    return [[title, version, ...cells]];
  });
  return table([
    "CPU µs/request (× nginx)",
    "version",
    ...columns.map(({ head }) => head),
  ], rows);
}

const cpu = ({ cpuUs }: Figures) => cpuUs;
const memory = ({ peakMiB }: Figures) => peakMiB;

function shortly(
  result: Result,
  all: readonly Result[],
  of: typeof cpu,
): string {
  const figures = figuresOf(result, all);
  if (figures === undefined) return nothing;
  return isSound(result) ? cell(of(figures)) : "void";
}

/** How many times everybody else's CPU time ours is, in S1; nothing where S1 was not measured. */
export function ratios({ results }: Report): readonly string[] {
  const first = results.filter((result) => result.scenario === "S1" && isSound(result));
  const [ours, others] = [true, false].map((isOurs) =>
    first.filter(({ peer }) => peers.some(({ name, isOurs: own }) => name === peer && own === isOurs))
  ) as [Result[], Result[]];
  if (ours.length === 0 || others.length === 0) return [];
  const rows = others.map((other) => [
    titleOf(other.peer),
    ...ours.map((own) => {
      const sound = find(results, own, other.peer);
      return sound === undefined ? nothing : ratioOf(own, sound, ({ cpuUs }) => cpuUs).toFixed(2);
    }),
  ]);
  return [
    "",
    "## S1: CPU time of Roundabout as a multiple of everybody's",
    "",
    ...table(["", ...ours.map(({ peer }) => titleOf(peer))], rows),
  ];
}

export function titleOf(peer: string): string {
  return peers.find(({ name }) => name === peer)?.title ?? peer;
}
