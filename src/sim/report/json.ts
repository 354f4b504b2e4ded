import { type Figure, figures } from "../figures.ts";
import type { Played } from "../play.ts";

/** For programs: all figures of all runs, by name; `null` where there is nothing to read off. Times are in the figure's unit. */
export function asJson({ study: { title, followed }, seed, runs }: Played): string {
  const entries: [string, Figure][] = Object.entries(figures);
  return JSON.stringify(
    {
      title,
      seed,
      units: Object.fromEntries(entries.map(([name, { unit }]) => [name, unit])),
      runs: runs.map(({ name, run }) => ({
        name,
        figures: Object.fromEntries(entries.map(([figure, { of }]) => [figure, finite(of(run, followed))])),
        backends: run.backends.map(({ tries, good, peak }, place) => ({ id: run.ids[place], tries, good, peak })),
      })),
    },
    undefined,
    2,
  );
}

const finite = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? null : value);
