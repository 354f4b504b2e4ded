/** When a backend's share of good answers is too far below that of the others; `interval` in milliseconds. */
export interface SuccessRateRule {
  readonly interval: number;
  /** Backends with enough requests, or nobody is judged. */
  readonly minimumBackends: number;
  /** Requests of a backend within an interval, or it is not judged. */
  readonly requestVolume: number;
  /** Thousandths of the standard deviation below the mean at which a backend is an outlier. */
  readonly stdevFactor: number;
}

/** The backends' success rates, compared interval by interval. */
export interface SuccessRates {
  /** Counts a request; gives back the ids of the outliers when an interval has ended before it, else nothing. */
  add(id: string, passed: boolean, now: number): readonly string[];
  /** It is another backend from now on, or out: compared are those that get requests. */
  forget(id: string): void;
}

/**
 * Counts and compares.
 *
 * Intervals end with the first request after them, and one that ended long ago says nothing about now.
 *
 * @see Envoy's outlier detection, "Success rate": an outlier is below mean - stdev * stdevFactor / 1000
 */
export function createSuccessRates(
  { interval, minimumBackends, requestVolume, stdevFactor }: SuccessRateRule,
): SuccessRates {
  const counts = new Map<string, { passed: number; all: number }>();
  let begunAt = Number.NEGATIVE_INFINITY;

  function outliers(): string[] {
    const judged = [...counts].filter(([, { all }]) => all >= requestVolume);
    if (judged.length < minimumBackends) return [];
    const rates = judged.map(([id, { passed, all }]) => ({ id, rate: passed / all }));
    const mean = rates.reduce((sum, { rate }) => sum + rate, 0) / rates.length;
    const variance = rates.reduce((sum, { rate }) => sum + (rate - mean) ** 2, 0) / rates.length;
    const threshold = mean - (Math.sqrt(variance) * stdevFactor) / 1000;
    return rates.filter(({ rate }) => rate < threshold).map(({ id }) => id);
  }

  return {
    add(id, passed, now) {
      const elapsed = now - begunAt;
      const found = elapsed >= interval && elapsed < 2 * interval ? outliers() : [];
      // Also where the clock was put back, or this interval would not end for as long.
      if (elapsed >= interval || elapsed < 0) {
        counts.clear();
        begunAt = now;
      }
      const count = counts.get(id) ?? { passed: 0, all: 0 };
      counts.set(id, count);
      count.all++;
      if (passed) count.passed++;
      return found;
    },
    forget: (id) => void counts.delete(id),
  };
}
