import type { Backend } from "./pool.ts";

/** How the weight of a backend grows that has come back; `window` in milliseconds, 0: it has all of it at once. */
export interface SlowStartRule {
  readonly window: number;
  /** 1 grows evenly, more grows faster at the beginning. */
  readonly aggression: number;
  readonly minWeightPercent: number;
}

/** So many times the weight is raised within a window: each time, policies begin new tables. */
const steps = 20;

/** Gives those that have come back a weight that grows. */
export interface SlowStart {
  begin(id: string, now: number): void;
  forget(id: string): void;
  /** The same array while no weight has changed. */
  weigh(backends: readonly Backend[], now: number): readonly Backend[];
}

/**
 * Slow start: who was away has cold caches, and all clients would greet it at once.
 *
 * @see Envoy's slow start: weight * max(minWeightPercent, (time / window) ** (1 / aggression))
 */
export function createSlowStart({ window, aggression, minWeightPercent }: SlowStartRule): SlowStart {
  const begun = new Map<string, number>();
  let of: readonly Backend[] = [];
  let list: readonly Backend[] = [];
  /** When the weights were last raised, and when they are next. */
  let [from, until] = [0, Number.NEGATIVE_INFINITY];

  function part(id: string, now: number): number {
    const since = begun.get(id);
    if (since === undefined) return 1;
    // Nobody begins with nothing, whatever the percentage: policies divide by the weight.
    const share = Math.max(1 / steps, (now - since) / window);
    return Math.max(minWeightPercent / 100, share ** (1 / aggression));
  }

  function follow(now: number): void {
    [from, until] = [now, now + window / steps];
    for (const [id, since] of begun) {
      if (now - since >= window) begun.delete(id);
      else if (now < since) begun.set(id, now); // the clock was put back
      else until = Math.min(until, since + window);
    }
  }

  return {
    begin(id, now) {
      if (window === 0) return;
      begun.set(id, now);
      until = Number.NEGATIVE_INFINITY;
    },
    forget: (id) => void begun.delete(id),
    weigh(backends, now) {
      if (begun.size === 0) return backends;
      if (of === backends && now >= from && now < until) return list;
      follow(now);
      const before = of === backends ? list : backends;
      of = backends;
      list = backends.map((backend, index) => {
        const weight = backend.weight * part(backend.id, now);
        return [before[index]!, backend].find((one) => one.weight === weight) ?? { ...backend, weight };
      });
      if (list.every((one, index) => one === backends[index])) list = backends;
      else if (list.every((one, index) => one === before[index])) list = before;
      return list;
    },
  };
}
