import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createHedging } from "../../src/core/hedging.ts";
import { seededRandom } from "../support/arbitraries.ts";

const somebody = () => "b";
const nobody = () => undefined;

describe("the delay of a hedge", () => {
  it("is as configured, from the first request on", () => {
    const hedging = createHedging({ delay: 250, maxPercent: 5 });
    for (let answer = 0; answer < 100; answer++) hedging.learn(1);
    assert.equal(hedging.begin(), 250);
  });

  it("is what 95 of 100 answers need, once twenty have come", () => {
    const hedging = createHedging({ delay: "p95", maxPercent: 5 });
    for (let answer = 1; answer < 20; answer++) {
      hedging.learn(answer);
      assert.equal(hedging.begin(), undefined);
    }
    hedging.learn(20);
    assert.equal(hedging.begin(), 19);
  });

  it("is exact for what is remembered, in whatever order it came", () => {
    const random = seededRandom(3);
    const hedging = createHedging({ delay: "p95", maxPercent: 5 });
    const latencies = Array.from({ length: 1_024 }, (_, index) => 1 + index)
      .map((ms) => ({ ms, rank: random() })).sort((one, other) => one.rank - other.rank);
    for (const { ms } of latencies) hedging.learn(ms);
    assert.equal(hedging.begin(), 973);
  });

  it("follows when all become slower or faster", () => {
    const hedging = createHedging({ delay: "p95", maxPercent: 5 });
    for (let answer = 0; answer < 2_000; answer++) hedging.learn(10);
    assert.equal(hedging.begin(), 10);
    for (let answer = 0; answer < 2_000; answer++) hedging.learn(500);
    assert.equal(hedging.begin(), 500);
    for (let answer = 0; answer < 2_000; answer++) hedging.learn(20);
    assert.equal(hedging.begin(), 20);
  });

  it("is never 0, though all answers came within the clock's step or the clock was put back", () => {
    const hedging = createHedging({ delay: "p95", maxPercent: 5 });
    for (let answer = 0; answer < 64; answer++) hedging.learn(answer % 2 === 0 ? 0 : -100);
    assert.equal(hedging.begin(), 1);
  });
});

describe("the share of hedges", () => {
  it("is at most so many percent of the requests so far, whoever is slow", () => {
    const percents = fc.oneof(fc.nat(100), fc.constantFrom(0.1, 2.5, 33.3));
    fc.assert(
      fc.property(percents, fc.array(fc.nat(3), { maxLength: 300 }), (maxPercent, slow) => {
        const hedging = createHedging({ delay: 10, maxPercent });
        let taken = 0;
        slow.forEach((wanted, index) => {
          hedging.begin();
          for (let ask = 0; ask < wanted; ask++) if (hedging.take(somebody)) taken++;
          assert.ok(taken <= ((index + 1) * maxPercent) / 100 + 1e-9);
        });
      }),
    );
  });

  for (
    const [maxPercent, requests, hedges] of [[5, 1_000, 50], [10, 1_000, 100], [100, 50, 50], [0, 1_000, 0]] as const
  ) {
    it(`is all of ${maxPercent} %: ${hedges} of ${requests}, where each wants one`, () => {
      const hedging = createHedging({ delay: 10, maxPercent });
      let taken = 0;
      for (let request = 0; request < requests; request++) {
        hedging.begin();
        while (hedging.take(somebody)) taken++;
      }
      assert.equal(taken, hedges);
    });
  }

  it("is not saved up without end: a slow moment after a quiet day does not double the load", () => {
    const hedging = createHedging({ delay: 10, maxPercent: 5 });
    for (let request = 0; request < 100_000; request++) hedging.begin();
    let taken = 0;
    while (hedging.take(somebody)) taken++;
    assert.equal(taken, 10);
  });

  it("is not spent where there is nobody to ask, and nobody is picked where it is spent", () => {
    const hedging = createHedging({ delay: 10, maxPercent: 100 });
    hedging.begin();
    for (let ask = 0; ask < 5; ask++) assert.equal(hedging.take(nobody), undefined);
    assert.equal(hedging.take(somebody), "b");
    assert.equal(hedging.take(() => assert.fail("picked")), undefined);
  });
});
