/** Prints what the hostile runs left in HOSTILE_RESULTS: case × runtime, the count per runtime, the gaps. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runtimes } from "../conformance/runtimes.ts";
import { cases } from "./cases.ts";
import { gaps } from "./gaps.ts";
import { failed, gapSign, type HostileResults } from "./suite.ts";

const directory = process.env["HOSTILE_RESULTS"] ?? "";
const ran = runtimes.flatMap((runtime): HostileResults[] => {
  const file = join(directory, `${runtime}.json`);
  return existsSync(file) ? [JSON.parse(readFileSync(file, "utf8")) as HostileResults] : [];
});
const missing = runtimes.filter((runtime) => !ran.some((results) => results.runtime === runtime));

const rows = cases.map(({ name }) => [name, ...ran.map(({ words }) => words[name] ?? failed)]);
const table = [["case", ...ran.map(({ runtime }) => runtime)], ...rows];
const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
for (const row of table) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());

console.log("");
let isFailed = missing.length > 0;
for (const { runtime, version, words } of ran) {
  const all = cases.map(({ name }) => words[name] ?? failed);
  const failures = all.filter((word) => word === failed).length;
  isFailed ||= failures > 0;
  const sure = all.filter((word) => word.startsWith(gapSign)).length;
  console.log(
    `${runtime} (${version}): ${all.length - failures} passed, ${sure} of them with a gap, ${failures} failed`,
  );
}
for (const runtime of missing) console.log(`${runtime}: DID NOT RUN`);

console.log("\nWhat a runtime's own server lets pass:");
for (const { what, runtimes } of gaps) console.log(`- ${runtimes.join(", ")}: ${what}`);
if (isFailed) process.exitCode = 1;
