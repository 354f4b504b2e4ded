import { createLoads } from "../loads.ts";
import type { Candidates, PolicyFactory } from "../policy.ts";

/** When a backend's next turn is: each turn moves it on by what a request is of its weight. */
interface Turn {
  at: number;
}

/** The candidate with the fewest requests in flight per unit of weight; those with the same take turns, by weight. */
export const leastConnections: PolicyFactory<unknown> = () => {
  const loads = createLoads();
  const turnOf = createTurns();
  let of: Candidates | undefined;
  let turns: readonly Turn[] = [];
  let now = 0;
  return (candidates, { meter }) => {
    if (of !== candidates) {
      of = candidates;
      turns = turnOf(candidates);
    }
    const { weights, meters } = loads(candidates, meter);
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < candidates.length; index++) {
      const load = meters[index]!.inFlight / weights[index]!;
      if (load > least || (load === least && turns[index]!.at >= turns[best]!.at)) continue;
      least = load;
      best = index;
    }
    // Who was busy or away is next, but has no turns to make up for.
    now = Math.max(now, turns[best]!.at);
    turns[best]!.at = now + 1 / weights[best]!;
    return candidates[best]!;
  };
};

/** Turns outlast their backend's absence: one that is left out of every other choice would be first whenever it is there. */
function createTurns(): (candidates: Candidates) => readonly Turn[] {
  let known = new Map<string, Turn>();
  return (candidates) => {
    if (known.size > 1_000 + 2 * candidates.length) known = new Map();
    return candidates.map(({ id }) => {
      const turn = known.get(id) ?? { at: 0 };
      known.set(id, turn);
      return turn;
    });
  };
}
