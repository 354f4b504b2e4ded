import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { clean, type Cleaning, createContexts } from "../conformance/context.ts";
import { type RuntimeName, versionOf } from "../conformance/runtimes.ts";
import { cases } from "./cases.ts";
import { assertServes, hostile } from "./stage.ts";

/** What came of each case on one runtime, in words. */
export interface HostileResults {
  readonly runtime: RuntimeName;
  readonly version: string;
  readonly words: Readonly<Record<string, string>>;
}

export const failed = "FAIL";
/** How the word of a gap begins. */
export const gapSign = "gap: ";

/** Registers every case for one runtime, prints the count and keeps the results for the table. */
export function hostileSuite(runtime: RuntimeName): void {
  const words: Record<string, string> = {};
  const ending: Cleaning = [];
  const contextOf = createContexts(runtime, ending);

  for (const { name, timeoutMs = 20_000, run } of cases) {
    test(name, { timeout: timeoutMs }, async (t) => {
      const cleaning: Cleaning = [];
      words[name] = failed;
      t.after(() => clean(cleaning));
      const context = contextOf(cleaning);
      const word = await run(context);
      await assertServes(await context.stage(hostile));
      words[name] = word;
    });
  }

  after(async () => {
    await clean(ending);
    const all = Object.values(words);
    const failures = all.filter((word) => word === failed).length;
    const gaps = all.filter((word) => word.startsWith(gapSign)).length;
    console.log(`${runtime}: ${all.length - failures} passed, ${failures} failed, ${gaps} of them with a gap`);
    const directory = process.env["HOSTILE_RESULTS"];
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    const kept: HostileResults = { runtime, version: versionOf(runtime), words };
    writeFileSync(join(directory, `${runtime}.json`), JSON.stringify(kept));
  });
}
