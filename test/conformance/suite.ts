import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { cases } from "./cases/index.ts";
import { clean, type Cleaning, createContexts } from "./context.ts";
import { type RuntimeName, versionOf } from "./runtimes.ts";

/** `gap`: the runtime cannot, for a reason; `elsewhere`: the case is about other runtimes. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "gap" | "elsewhere";
  readonly milliseconds?: number;
}

export interface RuntimeResults {
  readonly runtime: RuntimeName;
  readonly version: string;
  readonly results: readonly CaseResult[];
}

export const countOf = (results: readonly CaseResult[], outcome: CaseResult["outcome"]): number =>
  results.filter((result) => result.outcome === outcome).length;

/** Registers every case for one runtime, prints the count and keeps the results for the table. */
export function conformance(runtime: RuntimeName): void {
  const results: CaseResult[] = [];
  const ending: Cleaning = [];
  const contextOf = createContexts(runtime, ending);

  for (const { name, gaps, only, skip = false, timeoutMs = 20_000, run } of cases) {
    if (only !== undefined && !only.includes(runtime)) {
      results.push({ name, outcome: "elsewhere" });
      continue;
    }
    const gap = gaps?.[runtime];
    if (gap !== undefined) results.push({ name, outcome: "gap" });
    else if (skip !== false) results.push({ name, outcome: "elsewhere" });
    test(name, { timeout: timeoutMs, skip: gap ?? skip }, async (t) => {
      const cleaning: Cleaning = [];
      const started = performance.now();
      // Told by the hook and not by the function: a case that runs into its timeout never comes back to tell.
      let passed = false;
      t.after(async () => {
        const milliseconds = Math.round(performance.now() - started);
        results.push({ name, outcome: passed ? "passed" : "failed", milliseconds });
        await clean(cleaning);
      });
      await run(contextOf(cleaning));
      passed = true;
    });
  }

  after(async () => {
    await clean(ending);
    const [passed, failed, gaps] = (["passed", "failed", "gap"] as const).map((outcome) => countOf(results, outcome));
    console.log(`${runtime}: ${passed} passed, ${failed} failed, ${gaps} skipped`);
    const directory = process.env["CONFORMANCE_RESULTS"];
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    const kept: RuntimeResults = { runtime, version: versionOf(runtime), results };
    writeFileSync(join(directory, `${runtime}.json`), JSON.stringify(kept));
  });
}
