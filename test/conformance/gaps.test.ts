/** Whether the runtimes still cannot do what the cases say they cannot: a gap that has closed is a promise that can be made. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { within } from "../support/wait.ts";
import type { ConformanceCase } from "./case.ts";
import { cases } from "./cases/index.ts";
import { longCases } from "./cases/long.ts";
import { silenceCases } from "./cases/silence.ts";
import { clean, type Cleaning, createContexts } from "./context.ts";
import { type RuntimeName, runtimes } from "./runtimes.ts";

/** All that is tried anywhere, with the time that it is given there. */
const promises: readonly ConformanceCase[] = [
  ...cases,
  ...[...silenceCases, ...longCases].map((one) => ({ timeoutMs: 60_000, ...one })),
];

/** Whether a case holds, for once or by chance. */
async function holds({ run, timeoutMs = 20_000 }: ConformanceCase, runtime: RuntimeName): Promise<boolean> {
  const cleaning: Cleaning = [];
  const ending: Cleaning = [];
  try {
    await within(timeoutMs, "the case's end", run(createContexts(runtime, ending)(cleaning)));
    return true;
  } catch {
    return false;
  } finally {
    await clean(cleaning);
    await clean(ending);
  }
}

describe("what a runtime cannot do", { concurrency: runtimes.length }, () => {
  for (const runtime of runtimes) {
    describe(runtime, () => {
      for (const one of promises.filter(({ gaps, skip = false }) => gaps?.[runtime] !== undefined && skip === false)) {
        test(one.name, async () => {
          let times = 0;
          while (times < 5 && await holds(one, runtime)) times += 1;
          assert.ok(times < 5, `it can now, though it is said that ${one.gaps?.[runtime]}`);
        });
      }
    });
  }
});
