import type { Load, Place } from "./load.ts";

/** What a load program is told, as its only argument, and what it tells, as one line; both are JSON. */
export interface Order<Kind extends Load = Load> {
  readonly load: Kind;
  readonly place: Place;
  readonly seconds: number;
}

export interface Summary {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** How late the program itself was, at the 99th percentile. */
  readonly lateUs?: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Not even begun, and why. */
  readonly refused?: string;
}

export function orderFrom<Kind extends Load>(): Order<Kind> {
  return JSON.parse(process.argv[2] ?? "") as Order<Kind>;
}

interface Seen {
  /** Milliseconds, as they came. */
  readonly latencies: number[];
  readonly lateness?: number[];
  readonly failures: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

export function summary(
  { latencies, lateness = [], failures, elapsedMs }: Seen,
): string {
  const told: Summary = {
    requests: latencies.length,
    elapsedMs,
    p50Us: percentileUs(latencies, 0.5),
    p99Us: percentileUs(latencies, 0.99),
    ...(lateness.length > 0 && { lateUs: percentileUs(lateness, 0.99) }),
    failures,
  };
  return `${JSON.stringify(told)}\n`;
}

function percentileUs(milliseconds: number[], share: number): number {
  const sorted = Float64Array.from(milliseconds).sort();
  return (sorted[
    Math.min(sorted.length - 1, Math.floor(sorted.length * share))
  ] ?? 0) * 1000;
}
