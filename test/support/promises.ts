import type { ConformanceCase } from "../conformance/case.ts";
import { cases } from "../conformance/cases/index.ts";
import { longCases } from "../conformance/cases/long.ts";
import { silenceCases } from "../conformance/cases/silence.ts";
import { runtimes } from "../conformance/runtimes.ts";

/** Everything that is promised of the running balancer, wherever it is tried. */
export const promises: readonly ConformanceCase[] = [...cases, ...silenceCases, ...longCases];

/** What the page about the runtimes calls a case: its name without its topic. */
export const titleOf = ({ name }: ConformanceCase): string => name.slice(name.indexOf(": ") + 2);

/** A case's row on that page: kept, not kept and why, or not asked. */
export const cellsOf = (promise: ConformanceCase): string[] => [
  titleOf(promise),
  ...runtimes.map((runtime) => promise.only?.includes(runtime) === false ? "–" : (promise.gaps?.[runtime] ?? "yes")),
];
