import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createRetryBudget } from "../../src/core/retry-budget.ts";

describe("the retry budget", () => {
  const cases: readonly { percent: number; minConcurrent: number; inFlight: number; retries: number }[] = [
    { percent: 20, minConcurrent: 3, inFlight: 0, retries: 3 },
    { percent: 20, minConcurrent: 3, inFlight: 19, retries: 3 },
    { percent: 20, minConcurrent: 3, inFlight: 20, retries: 4 },
    { percent: 20, minConcurrent: 3, inFlight: 24, retries: 4 },
    { percent: 20, minConcurrent: 3, inFlight: 100, retries: 20 },
    { percent: 29, minConcurrent: 0, inFlight: 100, retries: 29 },
    { percent: 0, minConcurrent: 3, inFlight: 1_000, retries: 3 },
    { percent: 0, minConcurrent: 0, inFlight: 1_000, retries: 0 },
    { percent: 100, minConcurrent: 0, inFlight: 5, retries: 5 },
  ];
  for (const { percent, minConcurrent, inFlight, retries } of cases) {
    it(`allows ${retries} with ${inFlight} in flight, ${percent} % and at least ${minConcurrent}`, () => {
      const enter = createRetryBudget({ percent, minConcurrent }, () => inFlight);
      const places = Array.from({ length: retries + 5 }, enter);
      assert.equal(places.filter((leave) => leave !== undefined).length, retries);
    });
  }

  it("is never exceeded by a retry that begins, whatever comes and goes, and each leaves once", () => {
    const step = fc.record({
      inFlight: fc.nat(60),
      leave: fc.option(fc.nat(20)),
      times: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.nat(100), fc.nat(5), (stepsMade, percent, minConcurrent) => {
        let inFlight = 0;
        const enter = createRetryBudget({ percent, minConcurrent }, () => inFlight);
        const open: (() => void)[] = [];
        for (const { inFlight: next, leave, times } of stepsMade) {
          inFlight = next;
          if (leave !== null && open.length > 0) {
            const [left] = open.splice(leave % open.length, 1);
            for (let time = 0; time < times; time++) left!();
          }
          const most = Math.max(minConcurrent, Math.floor((inFlight * percent) / 100));
          const entered = enter();
          assert.equal(entered !== undefined, open.length < most);
          if (entered !== undefined) open.push(entered);
        }
      }),
    );
  });
});
