/** Prints what the conformance runs left in CONFORMANCE_RESULTS: case × runtime, the count per runtime, the gaps with their reasons. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cases } from "./cases/index.ts";
import { runtimes } from "./runtimes.ts";
import { type CaseResult, countOf, type RuntimeResults } from "./suite.ts";

const directory = process.env["CONFORMANCE_RESULTS"] ?? "";
const ran = runtimes.flatMap((runtime): RuntimeResults[] => {
  const file = join(directory, `${runtime}.json`);
  return existsSync(file) ? [JSON.parse(readFileSync(file, "utf8")) as RuntimeResults] : [];
});
const missing = runtimes.filter((runtime) => !ran.some((results) => results.runtime === runtime));

const signs: Record<CaseResult["outcome"], string> = { passed: "yes", failed: "FAIL", gap: "gap", elsewhere: "–" };
const outcomeOf = ({ results }: RuntimeResults, name: string) =>
  results.find((result) => result.name === name)?.outcome;
const rows = cases.map(({ name }) => [name, ...ran.map((results) => signs[outcomeOf(results, name) ?? "failed"])]);
const table = [["case", ...ran.map(({ runtime }) => runtime)], ...rows];
const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
for (const row of table) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());

console.log("");
for (const { runtime, version, results } of ran) {
  const [passed, failed, gaps] = (["passed", "failed", "gap"] as const).map((outcome) => countOf(results, outcome));
  console.log(`${runtime} (${version}): ${passed} passed, ${failed} failed, ${gaps} skipped`);
}
for (const runtime of missing) console.log(`${runtime}: DID NOT RUN`);

console.log("\nWhat a runtime cannot do:");
for (const { name, gaps } of cases) {
  for (const [runtime, reason] of Object.entries(gaps ?? {})) console.log(`- ${runtime}: ${name}: ${reason}`);
}
if (missing.length > 0 || ran.some(({ results }) => results.some(({ outcome }) => outcome === "failed"))) {
  process.exitCode = 1;
}
