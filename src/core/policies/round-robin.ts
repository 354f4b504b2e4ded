import type { Candidates, PolicyFactory } from "../policy.ts";
import type { Backend } from "../pool.ts";
import type { Random } from "../ports.ts";

interface Turn {
  readonly candidates: Candidates;
  readonly weights: Float64Array;
  readonly total: number;
  /** How far each candidate's next turn has come: grows by its weight, falls by the total when picked. Sums to about 0. */
  readonly credit: Float64Array;
}

/**
 * Smooth weighted round robin: by turns, as often as the weights say and as evenly spread (5, 1, 1 gives `aabacaa`).
 *
 * Candidates that stay keep their place in the rotation when others come or go, so nobody inherits the turns of a backend that left.
 *
 * @see the commit of nginx that introduced it, "Upstream: smooth weighted round-robin balancing" (1.3.1)
 */
export const roundRobin: PolicyFactory<{ readonly start: "first" | "random" }> = ({ start }) => {
  let turn: Turn | undefined;
  return (candidates, { random }) => {
    if (turn === undefined) {
      turn = begin(candidates);
      // A thousand isolates that begin at the first backend all greet it at once.
      if (start === "random") { for (let skip = startingPlace(turn, random); skip > 0; skip--) next(turn); }
    } else if (turn.candidates !== candidates) {
      turn = carryOver(turn, candidates);
    }
    return next(turn);
  };
};

function begin(candidates: Candidates): Turn {
  const weights = Float64Array.from(candidates, (backend) => backend.weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { candidates, weights, total, credit: new Float64Array(candidates.length) };
}

function carryOver(before: Turn, candidates: Candidates): Turn {
  const credits = new Map(before.candidates.map((backend, index) => [backend.id, before.credit[index]!]));
  const carried = candidates.flatMap((backend) => credits.get(backend.id) ?? []);
  // Around their own mean, or those that left would take or leave turns that a newcomer then gets or misses.
  const mean = carried.reduce((sum, credit) => sum + credit, 0) / Math.max(1, carried.length);
  const after = begin(candidates);
  candidates.forEach((backend, index) => {
    after.credit[index] = (credits.get(backend.id) ?? mean) - mean;
  });
  return after;
}

/** How many turns to skip: anywhere within a round, but no more than a thousand, which would be seen at the start. */
function startingPlace({ total }: Turn, random: Random): number {
  return Math.floor(random() * Math.min(total, 1000));
}

function next({ candidates, weights, total, credit }: Turn): Backend {
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
