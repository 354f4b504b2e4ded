import type { Candidates, PolicyFactory } from "../policy.ts";
import type { Backend } from "../pool.ts";

interface Rotation {
  readonly candidates: Candidates;
  readonly weights: Float64Array;
  readonly total: number;
  /** How far each candidate's next turn has come: grows by its weight, falls by the total when picked. Sums to about 0. */
  readonly credit: Float64Array;
  /** How many turns those are behind who were candidates lately, by id: they may be again. */
  readonly absent: ReadonlyMap<string, number>;
}

/**
 * Smooth weighted round robin: by turns, as often as the weights say and as evenly spread (5, 1, 1 gives `aabacaa`).
 *
 * Candidates that stay keep their place in the rotation when others come or go, so nobody inherits the turns of a backend that left.
 *
 * @see the commit of nginx that introduced it, "Upstream: smooth weighted round-robin balancing" (1.3.1)
 */
export const roundRobin: PolicyFactory<{ readonly start: "first" | "random" }> = ({ start }) => {
  let rotation: Rotation | undefined;
  return (candidates, { random }) => {
    if (rotation === undefined) {
      rotation = begin(candidates, new Map());
      // A thousand isolates that begin at the first backend all greet it at once.
      const round = Math.min(rotation.total / Math.min(...rotation.weights), 1000);
      if (start === "random") { for (let skip = Math.floor(random() * round); skip > 0; skip--) next(rotation); }
    } else if (rotation.candidates !== candidates) {
      rotation = carryOver(rotation, candidates);
    }
    return next(rotation);
  };
};

function begin(candidates: Candidates, absent: Rotation["absent"]): Rotation {
  const weights = Float64Array.from(candidates, (backend) => backend.weight);
  return { candidates, weights, total: totalOf(candidates), credit: new Float64Array(candidates.length), absent };
}

const totalOf = (backends: readonly Backend[]) => backends.reduce((sum, { weight }) => sum + weight, 0);

/** The same places in another rotation. What matters is how many turns somebody is behind, and that is credit by total. */
function carryOver(before: Rotation, candidates: Candidates): Rotation {
  const behind = new Map(before.absent.size < 1000 ? before.absent : []);
  before.candidates.forEach(({ id }, index) => behind.set(id, before.credit[index]! / before.total));
  const carried = candidates.filter(({ id }) => behind.has(id));
  // What the absent are behind or ahead is shared out by weight, or those that stay would lose or gain turns with each change.
  const surplus = carried.reduce((sum, { id }) => sum + behind.get(id)!, 0) / (totalOf(carried) || 1);
  const after = begin(candidates, behind);
  candidates.forEach(({ id, weight }, index) => {
    const turns = behind.get(id) ?? surplus * weight; // a newcomer is neither behind nor ahead
    // In binary fractions: those with the same claim stay equal to the last bit, so that their order says who is next.
    after.credit[index] = Math.round((turns - surplus * weight) * after.total * 2 ** 20) / 2 ** 20;
    behind.delete(id);
  });
  return after;
}

function next({ candidates, weights, total, credit }: Rotation): Backend {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < credit.length; index++) {
    const sum = credit[index]! + weights[index]!;
    credit[index] = sum;
    if (sum > most) {
      most = sum;
      best = index;
    }
  }
  credit[best]! -= total;
  return candidates[best]!;
}
