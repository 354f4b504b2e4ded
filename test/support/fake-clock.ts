import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../src/core/ports.ts";

export interface FakeClock extends Clock {
  /** Lets `ms` pass: wakes the sleepers in order, and lets each do what it can before the next wakes. */
  advance(ms: number): Promise<void>;
  /** How many wait now: 0 says that no timer was left behind. */
  sleepers(): number;
}

/** A clock that stands still until it is told to go on. */
export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  let sleeping: readonly { readonly at: number; readonly wake: () => void }[] = [];

  return {
    now: () => now,
    sleepers: () => sleeping.length,
    async sleep(ms, signal) {
      if (signal?.aborted) return;
      await new Promise<void>((resolve) => {
        const wake = () => {
          sleeping = sleeping.filter((one) => one !== sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper = { at: now + ms, wake };
        sleeping = [...sleeping, sleeper].sort((one, other) => one.at - other.at);
        signal?.addEventListener("abort", wake);
      });
    },
    async advance(ms) {
      const end = now + ms;
      await nextTurn();
      for (let next = sleeping[0]; next !== undefined && next.at <= end; next = sleeping[0]) {
        now = Math.max(now, next.at);
        next.wake();
        await nextTurn();
      }
      now = end;
    },
  };
}
