import type { Played } from "../play.ts";
import type { Observed, Stretch } from "../record.ts";
import { quantile, sorted } from "../statistics.ts";

/** A plot over time: a line a run. */
export interface Plot {
  readonly title: string;
  readonly seconds: number;
  /** `undefined`: there was nothing to read off then. */
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
}

type Reading = (stretch: Stretch, run: Observed) => number | undefined;

/** The plots of a study; those on which nothing would be seen are left out. */
export function plotsOf({ study: { followed }, runs }: Played): Plot[] {
  const plot = (title: string, read: Reading): Plot => ({
    title,
    seconds: runs[0]!.run.scenario.duration / 1000,
    lines: runs.map(({ name, run }) => {
      const within = run.stretches.slice(0, Math.ceil(run.scenario.duration / run.stretchMs));
      return { name, values: within.map((stretch) => read(stretch, run)) };
    }),
  });
  const share: Reading = ({ tries }, { ids }) => {
    const all = tries.reduce((sum, count) => sum + count, 0);
    const own = tries.reduce((sum, count, place) => sum + (followed.includes(ids[place]!) ? count : 0), 0);
    return all === 0 ? 0 : (100 * own) / all;
  };
  const plots = [
    plot("errors per second", ({ errors }, { stretchMs }) => (1000 * errors) / stretchMs),
    plot(
      "p99 of good answers, milliseconds",
      ({ latencies }) => latencies.length === 0 ? undefined : quantile(sorted([latencies]), 0.99),
    ),
    plot(
      "tries for each request",
      ({ tries, begun }) => (begun === 0 ? 1 : tries.reduce((sum, count) => sum + count, 0) / begun),
    ),
    ...(followed.length === 0 ? [] : [plot(`share of ${followed.join(", ")}, percent of all tries`, share)]),
  ];
  return plots.filter(({ lines }) => lines.some(({ values }) => values.length > 10 && !isFlat(values)));
}

function isFlat(values: readonly (number | undefined)[]): boolean {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 || Math.max(...known) - Math.min(...known) < 0.05;
}
