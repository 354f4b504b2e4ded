import type { Study } from "./plan.ts";
import type { Observed } from "./record.ts";
import { simulate } from "./simulate.ts";

/** A study and what came of it. */
export interface Played {
  readonly study: Study;
  readonly seed: number;
  readonly runs: readonly { readonly name: string; readonly run: Observed }[];
}

/** Plays all runs of a study with the same seed: the same clients come at the same moments. */
export function play(study: Study, seed: number): Played {
  return { study, seed, runs: study.plans.map((plan) => ({ name: plan.name, run: simulate(plan, seed) })) };
}
