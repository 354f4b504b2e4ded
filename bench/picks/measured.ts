/** What the program tells: nanoseconds a pick, round by round. */
export interface Measured {
  /** Of the policy, or what else is measured. */
  readonly name: string;
  readonly backends: number;
  readonly weights: string;
  readonly ns: readonly number[];
}

export const sizes = [3, 1_000] as const;
export const weightings = ["equal", "unequal"] as const;
