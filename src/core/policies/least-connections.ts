import { createLoads } from "../loads.ts";
import type { Candidates, PolicyFactory } from "../policy.ts";
import type { Random } from "../ports.ts";

/** When a backend's next turn is: each turn moves it on by what a request is of its weight. */
interface Turn {
  at: number;
}

/**
 * The candidate with the fewest requests in flight per unit of weight; those with the same take turns, by weight.
 *
 * Where many processes begin, each with nothing in flight, their first turns are random, or all would greet the first backend.
 */
export const leastConnections: PolicyFactory<{ readonly start: "first" | "random" }> = ({ start }) => {
  const loads = createLoads();
  const turnOf = createTurns();
  let of: Candidates | undefined;
  let turns: readonly Turn[] = [];
  let now = 0;
  return (candidates, { meter, random }) => {
    if (of !== candidates) {
      of = candidates;
      turns = turnOf(candidates, start === "random" ? random : () => 0);
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
function createTurns(): (candidates: Candidates, first: Random) => readonly Turn[] {
  let known = new Map<string, Turn>();
  return (candidates, first) => {
    if (known.size > 1_000 + 2 * candidates.length) known = new Map();
    return candidates.map(({ id }) => {
      const turn = known.get(id) ?? { at: first() };
      known.set(id, turn);
      return turn;
    });
  };
}
