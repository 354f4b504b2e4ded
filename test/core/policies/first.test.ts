import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { first } from "../../../src/core/policies/first.ts";
import { weighted } from "../../support/arbitraries.ts";
import { pickContext, tally } from "../../support/pick-context.ts";

describe("first", () => {
  it("picks the first of the list, whatever its weight and load", () => {
    const context = pickContext({ inFlight: { a: 100 }, latencyMs: { a: 1_000 } });
    assert.deepEqual(tally(first({}), weighted(1, 5, 9), context, 10), { a: 10, b: 0, c: 0 });
  });

  it("picks the next one when the first is out, and the first again when it is back", () => {
    const policy = first({});
    const list = weighted(1, 1, 1);
    assert.equal(tally(policy, list.slice(1), pickContext(), 3)["b"], 3);
    assert.equal(tally(policy, list, pickContext(), 3)["a"], 3);
  });
});
