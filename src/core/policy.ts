import type { Backend } from "./pool.ts";
import type { Random } from "./ports.ts";

/** Chooses. Called only when there is something to choose from, hence the type. */
export type Policy = (candidates: Candidates, context: PickContext) => Backend;

/** The same array until a transition, so that a policy may keep tables by its identity. */
export type Candidates = readonly [Backend, ...Backend[]];

export interface PickContext {
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What a hash is taken of; put together only for who asks. */
  readonly key: () => string;
  /** What is known of a backend's load: one id has the same object as long as it is in the pool, so that tables may hold it. */
  readonly meter: (id: string) => Meter;
}

/** The load of one backend, as this process knows it. */
export interface Meter {
  /** Requests picked and not done. */
  readonly inFlight: number;
  /** Milliseconds to the answer's head: what was seen last, decayed until `now`, and peaks at once; 0: nothing was seen lately. */
  latencyMs(now: number): number;
}

/** Makes a policy with a state of its own: one a pool and process. */
export type PolicyFactory<Options> = (options: Options) => Policy;
