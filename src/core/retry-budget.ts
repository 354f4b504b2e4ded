/** How many tries beyond the first may be under way: `percent` of the requests in flight, but always `minConcurrent`. */
export interface RetryBudgetRule {
  readonly percent: number;
  readonly minConcurrent: number;
}

/**
 * A share of what is in flight, so that retries cannot multiply the load of a pool that fails as a whole.
 *
 * @param inFlight requests of the pool, the tries counted here among them
 * @returns takes a place, and gives back how to leave it; `undefined`: none is left
 * @see Envoy's `retry_budget`
 */
export function createRetryBudget(
  { percent, minConcurrent }: RetryBudgetRule,
  inFlight: () => number,
): () => (() => void) | undefined {
  let retrying = 0;
  return () => {
    if (retrying >= Math.max(minConcurrent, Math.floor((inFlight() * percent) / 100))) return undefined;
    retrying++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      retrying--;
    };
  };
}
