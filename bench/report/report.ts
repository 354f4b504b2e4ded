import type { Result } from "../rounds.ts";
import type { Scenario } from "../scenarios/scenario.ts";

/** What was measured, where, and how much of it; written as JSON as it is, and as Markdown. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
  readonly seconds: number;
  /** What one has to know to read the figures of this run. */
  readonly notes: readonly string[];
  /** By peer. */
  readonly versions: Readonly<Record<string, string>>;
  /** By peer: why it could not be run. */
  readonly missing: Readonly<Record<string, string>>;
  readonly scenarios: readonly Scenario[];
  readonly results: readonly Result[];
}
