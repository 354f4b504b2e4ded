import type { Candidates, Meter, PickContext } from "./policy.ts";

/** The candidates' weights and meters, in their order. */
export interface Loads {
  readonly weights: Float64Array;
  /** The sum of the weights. */
  readonly total: number;
  readonly meters: readonly Meter[];
}

/** Looks them up once a transition instead of once a pick. */
export function createLoads(): (candidates: Candidates, meter: PickContext["meter"]) => Loads {
  let of: Candidates | undefined;
  let loads: Loads = { weights: new Float64Array(), total: 0, meters: [] };
  return (candidates, meter) => {
    if (of !== candidates) {
      of = candidates;
      const weights = Float64Array.from(candidates, ({ weight }) => weight);
      loads = {
        weights,
        total: weights.reduce((sum, weight) => sum + weight),
        meters: candidates.map(({ id }) => meter(id)),
      };
    }
    return loads;
  };
}
