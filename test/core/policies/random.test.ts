import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { random } from "../../../src/core/policies/random.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { seededRandom, weighted } from "../../support/arbitraries.ts";
import { isNear, pickContext, tally } from "../../support/pick-context.ts";

describe("random", () => {
  for (const weights of [[1, 1, 1], [5, 1, 1], [0.5, 0.25, 0.25], [1_000, 1], [1, 2, 3, 4, 5, 6, 7, 8]]) {
    it(`picks as often as the weights say: ${weights.join("/")}`, () => {
      const list = weighted(...weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = tally(random({}), list, pickContext({ random: seededRandom(1) }), 100_000);
      for (const { id, weight } of list) {
        assert.ok(isNear(counts[id]!, weight / total, 100_000), `${id} has ${counts[id]}`);
      }
    });
  }

  it("goes by the weights that hold now", () => {
    const policy = random({});
    const context = pickContext({ random: seededRandom(1) });
    tally(policy, weighted(1, 1), context, 10);
    assert.ok(isNear(tally(policy, weighted(9, 1), context, 10_000)["a"]!, 0.9, 10_000));
  });

  it("asks for chance once a pick", () => {
    let asked = 0;
    const context = pickContext({ random: () => (asked++, 0.5) });
    const policy = random({});
    for (const list of [weighted(1, 1, 1), weighted(1, 2, 3)]) policy(asCandidates(list), context);
    assert.equal(asked, 2);
  });
});
