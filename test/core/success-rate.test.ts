import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createSuccessRates, type SuccessRateRule } from "../../src/core/success-rate.ts";
import { backend, nameOf, weighted } from "../support/arbitraries.ts";
import { ejectionRule, settle, stage } from "../support/balancing.ts";

const rule: SuccessRateRule = { interval: 10_000, minimumBackends: 5, requestVolume: 100, stdevFactor: 1_900 };

/** So many requests of each in one interval, so many of them good; who is an outlier at its end. */
function outliers(counts: readonly (readonly [passed: number, all: number])[], changes: Partial<SuccessRateRule> = {}) {
  const rates = createSuccessRates({ ...rule, ...changes });
  counts.forEach(([passed, all], index) => {
    for (let request = 0; request < all; request++) rates.add(nameOf(index), request < passed, 0);
  });
  return rates.add("next", true, 10_000).join(" ") || "-";
}

const good = [100, 100] as const;

describe("an outlier by its success rate", () => {
  const cases: readonly {
    name: string;
    counts: readonly (readonly [number, number])[];
    changes?: Partial<SuccessRateRule>;
    out: string;
  }[] = [
    { name: "is far below the others", counts: [good, good, good, good, [50, 100]], out: "e" },
    { name: "is nobody among equals", counts: [[90, 100], [90, 100], [90, 100], [90, 100], [90, 100]], out: "-" },
    { name: "is nobody among the perfect", counts: [good, good, good, good, good], out: "-" },
    {
      name: "is nobody where all are similar",
      counts: [[95, 100], [96, 100], [97, 100], [98, 100], [94, 100]],
      out: "-",
    },
    { name: "is nobody below the volume", counts: [good, good, good, good, good, [50, 99]], out: "-" },
    { name: "is nobody among too few", counts: [good, good, good, [50, 100]], out: "-" },
    { name: "is not judged among few with enough volume", counts: [good, good, good, [50, 100], [50, 99]], out: "-" },
    {
      name: "is found among fewer, if so configured",
      counts: [good, good, [0, 100]],
      changes: { minimumBackends: 3, stdevFactor: 1_000 },
      out: "c",
    },
    {
      // Mean 0.9, standard deviation 0.2: the threshold is 0.52 at 1900 and 0.5 at 2000, which is not below 0.5.
      name: "is below the threshold, and not at it",
      counts: [good, good, good, good, [50, 100]],
      changes: { stdevFactor: 2_000 },
      out: "-",
    },
    {
      name: "may be several",
      counts: [...Array.from({ length: 10 }, () => good), [10, 100], [20, 100]],
      out: "k l",
    },
  ];
  for (const { name, counts, changes, out } of cases) {
    it(`${name}: ${out}`, () => assert.equal(outliers(counts, changes), out));
  }

  it("is below Envoy's threshold, for any counts", () => {
    const counts = fc.array(fc.tuple(fc.nat(200), fc.nat(100)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 4_000 }), (drawn, stdevFactor) => {
        const pairs = drawn.map(([all, percent]) => [Math.floor((all * percent) / 100), all] as const);
        const found = outliers(pairs, { stdevFactor, minimumBackends: 3 }).split(" ");
        const judged = pairs.filter(([, all]) => all >= 100).map(([passed, all]) => passed / all);
        const mean = judged.reduce((sum, rate) => sum + rate, 0) / judged.length;
        const stdev = Math.sqrt(judged.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / judged.length);
        const threshold = mean - (stdev * stdevFactor) / 1000;
        pairs.forEach(([passed, all], index) => {
          const rate = passed / all;
          if (Math.abs(rate - threshold) < 1e-9) return;
          const isOut = judged.length >= 3 && all >= 100 && rate < threshold;
          assert.equal(found.includes(nameOf(index)), isOut);
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe("an interval", () => {
  /** Four good ones and a bad one at this time. */
  function fill(rates: ReturnType<typeof createSuccessRates>, now: number): string[] {
    const found: string[] = [];
    for (let index = 0; index < 5; index++) {
      for (let request = 0; request < 100; request++) {
        found.push(...rates.add(nameOf(index), index < 4 || request < 50, now));
      }
    }
    return found;
  }

  it("ends with the first request after it, which is of the next one", () => {
    const rates = createSuccessRates(rule);
    assert.deepEqual(fill(rates, 0), []);
    assert.deepEqual(rates.add("a", true, 9_999), []);
    assert.deepEqual(rates.add("a", true, 10_000), ["e"]);
    assert.deepEqual(rates.add("a", true, 10_001), []);
    assert.deepEqual(rates.add("a", true, 20_000), []);
  });

  it("that ended long ago says nothing about now", () => {
    const rates = createSuccessRates(rule);
    fill(rates, 0);
    assert.deepEqual(rates.add("a", true, 20_000), []);
  });

  it("begins anew when the clock is put back, and no request of before counts", () => {
    const rates = createSuccessRates(rule);
    fill(rates, 3_600_000);
    assert.deepEqual(rates.add("a", true, 0), []);
    assert.deepEqual(rates.add("a", true, 10_000), []);
    fill(rates, 10_001);
    assert.deepEqual(rates.add("a", true, 20_000), ["e"]);
  });

  it("does not know who was forgotten", () => {
    const rates = createSuccessRates(rule);
    fill(rates, 0);
    rates.forget("e");
    assert.deepEqual(rates.add("a", true, 10_000), []);
  });
});

describe("the balancer", () => {
  const outlierDetection = { ...ejectionRule, consecutiveErrors: 0, successRate: { ...rule, requestVolume: 20 } };

  it("ejects whose answers are 5xx far more often than those of the others", () => {
    const on = stage(weighted(1, 1, 1, 1, 1, 1), { outlierDetection, random: () => 0 });
    for (let request = 0; request < 20; request++) {
      for (const id of "abcde") on.send(id, ".");
      on.send("f", request % 2 === 0 ? "5" : "g");
    }
    assert.equal(on.candidates(), "a b c d e f");
    on.now += 10_000;
    on.send("a", ".");
    assert.deepEqual(on.events, [{ kind: "ejected", id: "f", reason: "success rate", forMs: 30_000 }]);
    on.now += 30_000;
    on.send("f", "5");
    assert.equal(on.candidates(), "a b c d e");
    on.now += 60_000;
    settle(on.pick({ wanted: "f" })!, ".");
    assert.equal(on.candidates(), "a b c d e f");
  });

  it("says nothing of another backend under the same id", () => {
    const on = stage(weighted(1, 1, 1, 1, 1, 1), { outlierDetection });
    for (let request = 0; request < 20; request++) {
      for (const id of "abcdef") on.send(id, id === "f" ? "5" : ".");
    }
    on.setBackends(...weighted(1, 1, 1, 1, 1), backend("f", { url: "http://other.test" }));
    on.send("f", ".");
    on.now += 10_000;
    on.send("a", ".");
    assert.deepEqual(on.events, []);
  });
});
