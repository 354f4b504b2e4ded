import { createDraw } from "../draw.ts";
import { createLoads } from "../loads.ts";
import type { PolicyFactory } from "../policy.ts";

/**
 * The better of two different ones that are drawn by chance: with fewer requests in flight per unit of weight.
 *
 * Nearly as even as looking at all, and many balancers that know nothing of each other do not run to the same backend.
 *
 * @see Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001)
 */
export const p2c: PolicyFactory<unknown> = () => {
  const loads = createLoads();
  const draw = createDraw();
  return (candidates, { random, meter }) => {
    const { weights, meters } = loads(candidates, meter);
    const load = (index: number) => meters[index]!.inFlight / weights[index]!;
    const one = draw.any(candidates, random);
    const other = draw.other(candidates, random, one);
    return candidates[load(other) < load(one) ? other : one]!;
  };
};
