import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMeters } from "../../../src/core/meters.ts";
import { p2c } from "../../../src/core/policies/p2c.ts";
import { random } from "../../../src/core/policies/random.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { randomSources, seededRandom, weighted } from "../../support/arbitraries.ts";
import { isNear, pickContext, tally } from "../../support/pick-context.ts";

const weightLists = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 });

describe("the power of two choices", () => {
  it("never picks the more loaded of two, per unit of weight", () => {
    const pair = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }));
    fc.assert(fc.property(pair, fc.nat(50), fc.nat(50), randomSources, (weights, a, b, random) => {
      fc.pre(a / weights[0] !== b / weights[1]);
      const picked = p2c({})(asCandidates(weighted(...weights)), pickContext({ random, inFlight: { a, b } }));
      assert.equal(picked.id, a / weights[0] < b / weights[1] ? "a" : "b");
    }));
  });

  it("never picks who has more than everybody else", () => {
    fc.assert(fc.property(weightLists, randomSources, (weights, random) => {
      const context = pickContext({ random, inFlight: { a: 1 } });
      assert.equal(tally(p2c({}), weighted(...weights), context, 50)["a"], 0);
    }));
  });

  for (const weights of [[1, 1, 1], [5, 1, 1], [999, 1], [0.5, 0.25, 0.25]]) {
    it(`goes by the weights where the loads are the same: ${weights.join("/")}`, () => {
      const list = weighted(...weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = tally(p2c({}), list, pickContext({ random: seededRandom(2) }), 100_000);
      for (const { id, weight } of list) {
        assert.ok(isNear(counts[id]!, weight / total, 100_000), `${id} has ${counts[id]}`);
      }
    });
  }

  it("has another one to compare with, where one has nearly all the weight", () => {
    const context = pickContext({ inFlight: { a: 5_000 } });
    const counts = tally(p2c({}), weighted(1_000, 1, 1), context, 10_000);
    assert.equal(counts["a"], 0);
    assert.ok(isNear(counts["b"]!, 0.5, 10_000), `b has ${counts["b"]}`);
  });

  it("keeps the most loaded near the mean, which chance alone does not", () => {
    assert.ok(highest(p2c({})) <= 103, `${highest(p2c({}))}`);
    assert.ok(highest(random({})) >= 115, `${highest(random({}))}`);
  });
});

/** The most that one of 100 has in flight when 10,000 requests have begun and none has ended: the mean is 100. */
function highest(policy: Policy): number {
  const meters = createMeters();
  const list = asCandidates(weighted(...Array.from({ length: 100 }, () => 1)));
  const context = { ...pickContext({ random: seededRandom(3) }), meter: meters.of };
  for (let pick = 0; pick < 10_000; pick++) meters.begin(policy(list, context).id);
  return Math.max(...list.map(({ id }) => meters.of(id).inFlight));
}
