import assert from "node:assert/strict";
import type { ConformanceCase, Stage } from "../case.ts";
import { pools } from "../stages.ts";

const ask = async ({ exchange }: Stage<"a" | "b" | "c">, host: string, times: number): Promise<string> => {
  let answers = "";
  for (let turn = 0; turn < times; turn += 1) answers += (await exchange({ host })).body.toString();
  return answers;
};

const count = (answers: string, name: string) => answers.split(name).length - 1;

export const rotationCases: readonly ConformanceCase[] = [
  {
    name: "rotation: backends take turns, from the first",
    gaps: { workers: "isolates begin at a random backend, so that they do not all greet the first one" },
    async run(context) {
      assert.equal(await ask(await context.stage(pools), "turns.test", 10), "abcabcabca");
    },
  },
  {
    name: "rotation: each backend gets its equal share in every round",
    async run(context) {
      const answers = await ask(await context.stage(pools), "turns.test", 12);
      for (let at = 0; at + 3 <= answers.length; at += 3) {
        assert.equal(answers.slice(at, at + 3).split("").sort().join(""), "abc", answers);
      }
    },
  },
  {
    name: "rotation: requests at the same time are spread evenly",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      const statuses = await Promise.all(
        Array.from({ length: 30 }, async () => (await exchange({ host: "crowd.test" })).status),
      );
      assert.ok(statuses.every((status) => status === 200));
      assert.deepEqual([backends.a, backends.b, backends.c].map((backend) => backend.arrivals.length), [10, 10, 10]);
    },
  },
  {
    name: "rotation: weights 5, 1, 1 are kept in every round and spread within it",
    async run(context) {
      const answers = await ask(await context.stage(pools), "weights.test", 21);
      for (let at = 0; at + 7 <= answers.length; at += 7) {
        const round = answers.slice(at, at + 7);
        assert.deepEqual(["a", "b", "c"].map((name) => count(round, name)), [5, 1, 1], answers);
      }
      assert.doesNotMatch(answers, /aaaaa|bc|cb/, "smooth: nobody's share comes in one piece");
    },
  },
  {
    name: "rotation: backups wait while the first priority serves",
    async run(context) {
      assert.equal(await ask(await context.stage(pools), "backups.test", 6), "aaaaaa");
    },
  },
  {
    name: "rotation: draining backends and those in maintenance get nothing new",
    async run(context) {
      assert.equal(await ask(await context.stage(pools), "states.test", 6), "aaaaaa");
    },
  },
  {
    name: "rotation: a backend of weight 0 gets nothing new",
    async run(context) {
      const answers = await ask(await context.stage(pools), "weightless.test", 8);
      assert.deepEqual(["a", "b", "c"].map((name) => count(answers, name)), [0, 4, 4]);
    },
  },
];
