import { createLoads } from "../loads.ts";
import type { Candidates, Meter, PolicyFactory } from "../policy.ts";
import { hashOf, lotOf, score } from "../rendezvous.ts";

/**
 * The same candidate for the same key, as long as it is there, whichever others come and go: weighted rendezvous hashing.
 *
 * With a `balanceFactor` no candidate gets more than so many percent of its share of what is in flight, rounded up: the key's next
 * one is taken instead. 0 is no bound.
 *
 * @see Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2016)
 */
export const hash: PolicyFactory<{ readonly balanceFactor: number }> = ({ balanceFactor }) => {
  const loads = createLoads();
  let of: Candidates | undefined;
  let places = new Uint32Array();
  return (candidates, { key, meter }) => {
    if (of !== candidates) {
      of = candidates;
      places = Uint32Array.from(candidates, ({ id }) => hashOf(id));
    }
    const { weights, total, meters } = loads(candidates, meter);
    const limit = balanceFactor === 0 ? Number.POSITIVE_INFINITY : balanceFactor * (1 + sum(meters));
    const hashed = hashOf(key());
    let best = 0;
    let lot = -1;
    let highest = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < candidates.length; index++) {
      const next = lotOf(hashed, places[index]!);
      // Neither the lot nor the weight is higher, so the score is not: most candidates cost no logarithm.
      if (next <= lot && weights[index]! <= weights[best]!) continue;
      const points = score(next, weights[index]!);
      // Never all of them are. Without a division, that could round: of a share that is whole, one more would be taken.
      const isFull = meters[index]!.inFlight * 100 * total >= limit * weights[index]!;
      if (points <= highest || isFull) continue;
      best = index;
      lot = next;
      highest = points;
    }
    return candidates[best]!;
  };
};

function sum(meters: readonly Meter[]): number {
  let inFlight = 0;
  for (let index = 0; index < meters.length; index++) inFlight += meters[index]!.inFlight;
  return inFlight;
}
