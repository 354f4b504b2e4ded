/** When a second request is sent beside a slow one: after a time, or after what 95 of 100 answers need. */
export interface HedgingRule {
  /** Milliseconds. */
  readonly delay: number | "p95";
  readonly maxPercent: number;
}

/** Says when to hedge. */
export interface Hedging {
  /** A request begins: milliseconds until it is hedged; `undefined`: never, too little is known. */
  begin(): number | undefined;
  /** What `pick` gives, where the share allows one hedge more; it is spent only if that is somebody. */
  take<Choice>(pick: () => Choice | undefined): Choice | undefined;
  /** An answer's head came after so long. */
  learn(elapsedMs: number): void;
}

/** Answers that are remembered, and how many have to come before they say anything, or anything new. */
const remembered = 1024;
const fewest = 20;
const between = 64;

/** Hedges saved up by those who needed none: a moment in which all are slow must not double the load. */
const mostSaved = 10;

/**
 * Hedged requests: the second is sent when the first is slower than usual, and who answers first wins.
 *
 * @see Dean and Barroso, "The Tail at Scale" (2013)
 */
export function createHedging({ delay, maxPercent }: HedgingRule): Hedging {
  const latencies: number[] = [];
  let seen = 0;
  let p95: number | undefined;
  /** In hundredths of a hedge: sums of fractions would miss the whole. */
  let saved = 0;

  return {
    begin() {
      saved = Math.min(mostSaved * 100, saved + maxPercent);
      return delay === "p95" ? p95 : delay;
    },
    take(pick) {
      const choice = saved < 100 ? undefined : pick();
      if (choice !== undefined) saved -= 100;
      return choice;
    },
    learn(elapsedMs) {
      if (delay !== "p95") return;
      latencies[seen++ % remembered] = elapsedMs;
      if (seen < fewest || (p95 !== undefined && seen % between !== 0)) return;
      const sorted = Float64Array.from(latencies).sort();
      // Answers within the clock's step look like 0 ms, and would all be hedged at once.
      p95 = Math.max(1, sorted[Math.ceil(sorted.length * 0.95) - 1]!);
    },
  };
}
