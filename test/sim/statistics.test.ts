import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mean, quantile, sorted, variation } from "../../src/sim/statistics.ts";

const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

describe("statistics", () => {
  for (
    const [share, of, expected] of [
      [0.5, hundred, 50],
      [0.99, hundred, 99],
      [0.999, hundred, 100],
      [1, hundred, 100],
      [0, hundred, 1],
      [0.99, [7], 7],
      [0.99, [], 0],
    ] as const
  ) {
    it(`the ${share} quantile of ${of.length} values is ${expected}`, () =>
      assert.equal(quantile(of, share), expected));
  }

  it("sorts the values of several lists as numbers", () => {
    assert.deepEqual([...sorted([[10, 9], [], [100, 1]])], [1, 9, 10, 100]);
  });

  it("the variation is the standard deviation by the mean", () => {
    assert.equal(variation([2, 4, 4, 4, 5, 5, 7, 9]), 0.4);
    assert.equal(variation([3, 3, 3]), 0);
    assert.equal(variation([]), 0);
    assert.equal(mean([]), 0);
  });
});
