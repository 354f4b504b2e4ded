import type { Candidates, PolicyFactory } from "../policy.ts";
import type { Backend } from "../pool.ts";

interface Rotation {
  readonly candidates: Candidates;
  readonly weights: Float64Array;
  readonly total: number;
  /** How far each candidate's next turn has come: grows by its weight, falls by the total when picked. Sums to about 0. */
  readonly credit: Float64Array;
  /** Which pick each was last: of those with the same claim, who has waited longest is next. */
  readonly pickedAt: Float64Array;
  picks: number;
  /** How many turns those are behind who were candidates lately, and their last pick, by id: they may be again. */
  readonly absent: ReadonlyMap<string, { readonly turns: number; readonly pickedAt: number }>;
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
      rotation = begin(candidates, 0, new Map());
      // A thousand isolates that begin at the first backend all greet it at once.
      const round = Math.min(rotation.total / Math.min(...rotation.weights), 1000);
      for (let skip = start === "random" ? Math.floor(random() * round) : 0; skip > 0; skip--) next(rotation);
    }
    if (rotation.candidates !== candidates) rotation = carryOver(rotation, candidates);
    return next(rotation);
  };
};

function begin(candidates: Candidates, picks: number, absent: Rotation["absent"]): Rotation {
  const weights = Float64Array.from(candidates, (backend) => backend.weight);
  const [credit, pickedAt] = [new Float64Array(weights.length), new Float64Array(weights.length)];
  return { candidates, weights, total: totalOf(candidates), credit, pickedAt, picks, absent };
}

const totalOf = (backends: readonly Backend[]) => backends.reduce((sum, { weight }) => sum + weight, 0);

/** The same places in another rotation. What matters is how many turns somebody is behind, and that is credit by total. */
function carryOver(before: Rotation, candidates: Candidates): Rotation {
  const places = new Map(before.absent.size < 1000 ? before.absent : []);
  before.candidates.forEach(({ id }, index) =>
    places.set(id, { turns: before.credit[index]! / before.total, pickedAt: before.pickedAt[index]! })
  );
  const carried = candidates.filter(({ id }) => places.has(id));
  // What the absent are behind or ahead is shared out by weight, or those that stay would lose or gain turns with each change.
  const surplus = carried.reduce((sum, { id }) => sum + places.get(id)!.turns, 0) / (totalOf(carried) || 1);
  const after = begin(candidates, before.picks, places);
  candidates.forEach(({ id, weight }, index) => {
    const { turns, pickedAt } = places.get(id) ?? { turns: surplus * weight, pickedAt: 0 };
    after.credit[index] = (turns - surplus * weight) * after.total;
    after.pickedAt[index] = pickedAt;
    places.delete(id);
  });
  return after;
}

function next(rotation: Rotation): Backend {
  const { candidates, weights, total, credit, pickedAt } = rotation;
  const alike = total * 1e-9; // sums of fractions differ in their last bits
  let best = 0;
  for (let index = 0, most = Number.NEGATIVE_INFINITY; index < credit.length; index++) {
    const ahead = (credit[index]! += weights[index]!) - most;
    if (ahead < -alike || (ahead < alike && pickedAt[index]! >= pickedAt[best]!)) continue;
    best = index;
    most = credit[index]!;
  }
  credit[best]! -= total;
  pickedAt[best] = ++rotation.picks;
  return candidates[best]!;
}
