import type { Pool } from "../core/pool.ts";
import type { Isolate } from "./isolate.ts";
import type { Scenario } from "./schema.ts";
import { repeated } from "./timeline.ts";

/** When those who fail were noticed, in milliseconds from the beginning of their outage. */
export interface Detections {
  /** An isolate looks at whom it would pick, if it has learnt something from the store. */
  look(isolate: Isolate, now: number): void;
  /** A try of an isolate at a backend has failed: it may pick it no longer. */
  failed(isolate: Isolate, id: string, now: number): void;
  /** The checks have turned a backend. */
  judged(id: string, now: number): void;
  /** When each isolate no longer picked it, isolate by isolate and outage by outage. */
  readonly routedAround: readonly number[];
  readonly turned: readonly number[];
  /** Failed tries of isolates that later routed around. */
  readonly failedTries: readonly number[];
}

interface Case {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** By isolate: whether it knows, and what failed until then. */
  readonly known: Uint8Array;
  readonly failed: Uint32Array;
  isJudged: boolean;
}

export function createDetections({ outages, duration, isolates }: Scenario): Detections {
  const cases = outages
    .filter(({ percent }) => percent === 100)
    .flatMap(({ backends, ...times }) =>
      [...repeated(times, duration)].flatMap(({ from, to }) =>
        backends.map((id): Case => {
          return { id, from, to, known: new Uint8Array(isolates), failed: new Uint32Array(isolates), isJudged: false };
        })
      )
    )
    .sort((one, other) => one.from - other.from);
  const routedAround: number[] = [];
  const turned: number[] = [];
  const failedTries: number[] = [];
  const lastSeen: (Pool | undefined)[] = [];
  let active: Case[] = [];
  let begun = 0;
  let changesAt = Number.NEGATIVE_INFINITY;

  function follow(now: number): readonly Case[] {
    if (now < changesAt) return active;
    while (begun < cases.length && cases[begun]!.from <= now) active.push(cases[begun++]!);
    active = active.filter(({ to }) => to > now);
    changesAt = Math.min(cases[begun]?.from ?? Number.POSITIVE_INFINITY, ...active.map(({ to }) => to));
    return active;
  }

  function lookAt({ index, balancer }: Isolate, pool: Pool, now: number): void {
    for (const { id, from, known, failed } of follow(now)) {
      if (known[index] === 1 || balancer.candidates(pool).some((backend) => backend.id === id)) continue;
      known[index] = 1;
      routedAround.push(now - from);
      failedTries.push(failed[index]!);
    }
  }

  return {
    look(isolate, now) {
      if (follow(now).length === 0) return;
      const pool = isolate.pool();
      if (lastSeen[isolate.index] === pool) return;
      lastSeen[isolate.index] = pool;
      lookAt(isolate, pool, now);
    },
    failed(isolate, id, now) {
      for (const one of follow(now)) if (one.id === id) one.failed[isolate.index]!++;
      if (active.length > 0) lookAt(isolate, isolate.pool(), now);
    },
    judged(id, now) {
      for (const one of follow(now)) {
        if (one.id !== id || one.isJudged) continue;
        one.isJudged = true;
        turned.push(now - one.from);
      }
    },
    routedAround,
    turned,
    failedTries,
  };
}
