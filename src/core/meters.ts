import type { Meter } from "./policy.ts";

/** What a backend that failed is taken to have needed, or else the one that refuses at once would look like the fastest. */
const penaltyMs = 5_000;

/** The clock's step is 1 ms, and may go back: who answers within it is fast, and not unknown. */
const leastMs = 0.5;

/** After so many decays nothing is known any more: what is left of a long latency must not pass for a short one. */
const knownForDecays = 3;

/** Counts what is in flight, and remembers how long backends take. */
export interface Meters {
  /** The same object for one id. */
  of(id: string): Meter;
  /** Requests picked and not done, of all. */
  inFlight(): number;
  begin(id: string): void;
  end(id: string): void;
  /** @param elapsedMs until the answer's head; `undefined`: it failed */
  learn(id: string, elapsedMs: number | undefined, now: number): void;
  /** Who was given up before an answer came would have taken longer: never counts as fast. */
  learnAtLeast(id: string, begunAt: number, now: number): void;
  /** Drops what is known under all other ids, where nothing is in flight: ids come and go for as long as the process runs. */
  retain(ids: { has(id: string): boolean }): void;
}

/**
 * Meters for the backends of one pool.
 *
 * Latency is a moving average that follows a peak at once, and falls with time to what is seen now or, without answers, to nothing.
 *
 * @param decayMs after so long a third of what was seen still counts; `undefined`: nobody asks for latencies
 * @see Finagle's load metric "Peak EWMA"
 */
export function createMeters(decayMs?: number): Meters {
  const meters = new Map<string, LoadMeter>();
  let all = 0;

  // As `this`, and not a closure a meter: engines inline what is the same function for all of them.
  function latencyMs(this: LoadMeter, now: number): number {
    const decays = Math.max(0, now - this.at) / (decayMs ?? 1);
    return decays > knownForDecays ? 0 : this.average * Math.exp(-decays);
  }

  const of = (id: string): LoadMeter => {
    const known = meters.get(id);
    if (known !== undefined) return known;
    const meter = { inFlight: 0, average: 0, at: 0, latencyMs };
    meters.set(id, meter);
    return meter;
  };

  function learn(id: string, elapsedMs: number | undefined, now: number): void {
    if (decayMs === undefined) return;
    const meter = of(id);
    const seen = Math.max(leastMs, elapsedMs ?? penaltyMs);
    const before = meter.latencyMs(now);
    const kept = Math.exp(-Math.max(0, now - meter.at) / decayMs);
    meter.average = seen > before ? seen : before + seen * (1 - kept);
    meter.at = now;
  }

  return {
    of,
    inFlight: () => all,
    begin(id) {
      of(id).inFlight++;
      all++;
    },
    end(id) {
      of(id).inFlight--;
      all--;
    },
    retain(ids) {
      for (const [id, { inFlight }] of meters) if (inFlight === 0 && !ids.has(id)) meters.delete(id);
    },
    learn,
    learnAtLeast(id, begunAt, now) {
      if (now - begunAt > of(id).latencyMs(now)) learn(id, now - begunAt, now);
    },
  };
}

interface LoadMeter extends Meter {
  inFlight: number;
  /** Milliseconds, as of the moment `at`. */
  average: number;
  at: number;
}
