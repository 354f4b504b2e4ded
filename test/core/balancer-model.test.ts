import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BalancerRule } from "../../src/core/balancer.ts";
import { policies } from "../../src/core/policies/index.ts";
import { createWorld } from "../support/balancing-world.ts";

const names = Object.keys(policies) as (keyof typeof policies)[];

const rules: readonly Partial<BalancerRule>[] = [
  {},
  { slowStart: { window: 5_000, aggression: 1.5, minWeightPercent: 10 } },
  { panicThreshold: 40 },
  { outlierDetection: false, slowStart: { window: 2_000, aggression: 1, minWeightPercent: 0 } },
];

// Node alone makes the whole million: the others are there to see that the same holds on them.
const all = "Bun" in globalThis || "Deno" in globalThis ? 100_000 : 1_000_000;
const settled = 2_000;
const rounds = 5;
const lived = Math.ceil(all / names.length / rules.length / rounds) - settled;

describe("a million picks with random adds, removes and failures", () => {
  for (const [index, name] of names.entries()) {
    it(`keep every invariant by ${name}: in-flight counts return to 0, no ineligible pick, no lost backend`, () => {
      for (const [variant, rule] of rules.entries()) {
        const seed = 1 + index * rules.length + variant;
        const create = () => policies[name]({ start: "first", balanceFactor: variant === 1 ? 125 : 0 });
        const world = createWorld(seed, create, rule);
        for (let round = 0; round < rounds; round++) {
          world.live(lived);
          world.settle();
          const got = world.spread(settled);
          const ids = world.backends.map(({ id }) => id);
          // Where only the first serves, it has to be the first of all.
          const due = name === "first" ? ids.slice(0, 1) : ids;
          assert.deepEqual(due.filter((id) => !got.has(id)), [], `${name}, seed ${seed}: lost in round ${round}`);
        }
      }
    });
  }
});
