import { reference } from "./peers/index.ts";
import type { Result } from "./rounds.ts";
import type { Sample } from "./subject.ts";

/** Medians over the rounds of a result, and medians of the ratios taken within each round. */
export interface Figures {
  readonly cpuUs: Figure;
  readonly perSecond: Figure;
  readonly p50Us: Figure;
  readonly p99Us: Figure;
  readonly peakMiB: Figure;
  /** Per request, of what only runs the proxy. */
  readonly apartUs: number;
  readonly apartMiB: number;
  /** Of all rounds; any makes the figures void. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Figure {
  readonly value: number;
  /** To nginx in the same rounds; absent where it was not there, or failed. */
  readonly ratio: number | undefined;
}

/** `undefined` for a peer that was skipped. */
export function figuresOf(
  result: Result,
  all: readonly Result[],
): Figures | undefined {
  if (result.skipped !== undefined || result.samples.length === 0) {
    return undefined;
  }
  const other = find(all, result, reference);
  const figure = (of: (sample: Sample) => number): Figure => ({
    value: median(result.samples.map(of)),
    ratio: other && ratioOf(result, other, of),
  });
  return {
    cpuUs: figure(({ cpuUs }) => cpuUs),
    perSecond: figure(({ requests, seconds }) => requests / seconds),
    p50Us: figure(({ p50Us }) => p50Us),
    p99Us: figure(({ p99Us }) => p99Us),
    peakMiB: {
      value: result.peakMiB,
      ratio: other && result.peakMiB / other.peakMiB,
    },
    apartUs: median(result.samples.map(({ apartUs }) => apartUs)),
    apartMiB: result.apartMiB,
    failures: failuresOf(result),
  };
}

/** The same case of the same scenario, by another peer; only if nothing failed there. */
export function find(
  all: readonly Result[],
  { scenario, label }: Result,
  peer: string,
): Result | undefined {
  const found = all.find((result) =>
    result.scenario === scenario && result.label === label &&
    result.peer === peer
  );
  return found && isSound(found) ? found : undefined;
}

/** Measured, and without a failed request. */
export function isSound(result: Result): boolean {
  return result.skipped === undefined && result.samples.length > 0 &&
    Object.keys(failuresOf(result)).length === 0;
}

/** The median of what the rounds say each by itself. */
export function ratioOf(
  one: Result,
  other: Result,
  of: (sample: Sample) => number,
): number {
  return median(one.samples.flatMap((sample, round) => {
    const beside = other.samples[round];
    return beside === undefined ? [] : [of(sample) / of(beside)];
  }));
}

export function failuresOf(
  { samples }: Result,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const { failures } of samples) {
    for (const [kind, count] of Object.entries(failures)) {
      sum[kind] = (sum[kind] ?? 0) + count;
    }
  }
  return sum;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return sorted.length === 0 ? Number.NaN : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
