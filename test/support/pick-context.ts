import type { Candidates, Meter, PickContext, Policy } from "../../src/core/policy.ts";
import type { Backend } from "../../src/core/pool.ts";
import type { Random } from "../../src/core/ports.ts";
import { seededRandom } from "./arbitraries.ts";

/** What a policy is to be told; what is not given is 0, or nothing. */
export interface Told {
  random?: Random;
  /** Milliseconds since the epoch. */
  now?: number;
  key?: string;
  /** By backend id. */
  inFlight?: Record<string, number>;
  /** By backend id; they do not decay. */
  latencyMs?: Record<string, number>;
}

/** What `told` says at the moment of a pick: a test may change it between two. */
export function pickContext(told: Told = {}): PickContext {
  const meters = new Map<string, Meter>();
  const chance = told.random ?? seededRandom(1);
  return {
    random: () => (told.random ?? chance)(),
    now: () => told.now ?? 0,
    key: () => told.key ?? "",
    meter(id) {
      const meter = meters.get(id) ?? {
        get inFlight() {
          return told.inFlight?.[id] ?? 0;
        },
        latencyMs: () => told.latencyMs?.[id] ?? 0,
      };
      meters.set(id, meter);
      return meter;
    },
  };
}

/** How often each is picked, by id, and 0 for who is not. */
export function tally(policy: Policy, list: readonly Backend[], context: PickContext, picks: number) {
  const counts: Record<string, number> = Object.fromEntries(list.map(({ id }) => [id, 0]));
  for (let pick = 0; pick < picks; pick++) counts[policy(list as Candidates, context).id]! += 1;
  return counts;
}

/** Whether a count of `trials` is what chance gives, up to four standard deviations: one in 16,000 is not. */
export function isNear(count: number, share: number, trials: number): boolean {
  return Math.abs(count - share * trials) <= 4 * Math.sqrt(trials * share * (1 - share));
}
