import type { Backend } from "./pool.ts";
import type { Random } from "./ports.ts";

/** Chooses. Called only when there is something to choose from, hence the type. */
export type Policy = (candidates: Candidates, context: PickContext) => Backend;

/** The same array until a transition, so that a policy may keep tables by its identity. */
export type Candidates = readonly [Backend, ...Backend[]];

export interface PickContext {
  readonly random: Random;
}

/** Makes a policy with a state of its own: one a pool and process. */
export type PolicyFactory<Options> = (options: Options) => Policy;
