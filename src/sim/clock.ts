import { createHeap } from "./heap.ts";

/** A clock that stands still while something is done, and then jumps to what is next. */
export interface VirtualClock {
  /** Milliseconds since the beginning. */
  readonly now: () => number;
  /** Does `work` at a time that is not over. */
  at(time: number, work: () => void): void;
  /** Goes on until nothing is to come. */
  run(): void;
}

export function createClock(): VirtualClock {
  const heap = createHeap<() => void>();
  let now = 0;
  return {
    now: () => now,
    at: (time, work) => heap.push(tick(time), work),
    run() {
      for (;;) {
        const next = heap.next();
        const work = heap.pop();
        if (work === undefined) return;
        now = next;
        work();
      }
    },
  };
}

/**
 * The nearest of 1,024 parts of a millisecond: sums of them are exact.
 *
 * And the last bit of a logarithm, in which JavaScript engines differ, is gone: the same seed gives the same run on all of them.
 */
export const tick = (ms: number): number => Math.round(ms * 1024) / 1024;
