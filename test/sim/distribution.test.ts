import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { createSampler, Distribution } from "../../src/sim/distribution.ts";
import { createRandom } from "../../src/sim/random.ts";
import { mean, quantile } from "../../src/sim/statistics.ts";

const draws = 200_000;

interface Case {
  readonly name: string;
  readonly raw: unknown;
  readonly mean: number;
  readonly median: number;
  readonly p99: number;
}

// Means and quantiles by the formulas of each distribution.
const cases: readonly Case[] = [
  { name: "constant", raw: "20ms", mean: 20, median: 20, p99: 20 },
  { name: "exponential", raw: { exponential: "20ms" }, mean: 20, median: 20 * Math.LN2, p99: 20 * Math.log(100) },
  { name: "uniform", raw: { uniform: { min: "10ms", max: "30ms" } }, mean: 20, median: 20, p99: 29.8 },
  {
    name: "lognormal",
    raw: { lognormal: { median: "20ms", sigma: 0.5 } },
    mean: 20 * Math.exp(0.125),
    median: 20,
    p99: 20 * Math.exp(0.5 * 2.3263),
  },
  {
    name: "pareto",
    raw: { pareto: { min: "10ms", shape: 3 } },
    mean: 15,
    median: 10 * 2 ** (1 / 3),
    p99: 10 * 100 ** (1 / 3),
  },
];

describe("distributions", () => {
  for (const { name, raw, ...expected } of cases) {
    it(`draws ${name} times with its mean, median and p99, to 2 %`, () => {
      const draw = createSampler(v.parse(Distribution, raw), createRandom(1, name));
      const drawn = Float64Array.from({ length: draws }, draw).sort();
      const found = { mean: mean(drawn), median: quantile(drawn, 0.5), p99: quantile(drawn, 0.99) };
      for (const key of ["mean", "median", "p99"] as const) {
        assert.ok(Math.abs(found[key] / expected[key] - 1) < 0.02, `${key} is ${found[key]}, not ${expected[key]}`);
      }
    });
  }

  for (const raw of [{}, { exponential: "1s", uniform: { min: 1, max: 2 } }, { normal: "1s" }, "soon", -1]) {
    it(`refuses ${JSON.stringify(raw)}`, () => assert.equal(v.is(Distribution, raw), false));
  }
});

describe("chance", () => {
  it("is the same for the same seed and stream, and another for others", () => {
    const first = (seed: number, stream: string) => Array.from({ length: 5 }, createRandom(seed, stream));
    assert.deepEqual(first(1, "a"), first(1, "a"));
    assert.notDeepEqual(first(1, "a"), first(2, "a"));
    assert.notDeepEqual(first(1, "a"), first(1, "b"));
  });

  it("is the one that the tables of docs/simulator.md were made with", () => {
    assert.deepEqual(Array.from({ length: 2 }, createRandom(1, "a")), [0.04132862342521548, 0.06979578570462763]);
  });

  it("is even: a hundred parts of [0, 1) are met alike, to 5 %", () => {
    const random = createRandom(7, "parts");
    const met = new Uint32Array(100);
    for (let count = 0; count < 1_000_000; count++) met[Math.floor(random() * 100)]!++;
    assert.ok(Math.min(...met) > 9500 && Math.max(...met) < 10_500, String(met));
  });
});
