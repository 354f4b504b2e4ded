import { growth } from "./growth.ts";
import { others } from "./others.ts";
import { requests } from "./requests.ts";
import type { Scenario } from "./scenario.ts";

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  ...requests,
  ...others,
  ...growth,
];
