import { describe, test } from "node:test";
import type { ConformanceCase } from "./case.ts";
import { clean, type Cleaning, createContexts } from "./context.ts";
import { runtimes } from "./runtimes.ts";

/** Registers cases for all runtimes in one process: those that wait can wait together, those that fill the machine in turn. */
export function everywhere(cases: readonly ConformanceCase[], { together }: { readonly together: boolean }): void {
  describe("on all runtimes", { concurrency: together }, () => {
    for (const { name, gaps, only = runtimes, skip = false, timeoutMs = 60_000, run } of cases) {
      for (const runtime of only) {
        test(`${runtime}: ${name}`, { timeout: timeoutMs, skip: gaps?.[runtime] ?? skip }, async () => {
          const cleaning: Cleaning = [];
          const ending: Cleaning = [];
          try {
            await run(createContexts(runtime, ending)(cleaning));
          } finally {
            await clean(cleaning);
            await clean(ending);
          }
        });
      }
    }
  });
}
