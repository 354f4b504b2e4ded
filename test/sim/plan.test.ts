import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../src/core/config.ts";
import { describe as tell } from "../../src/core/problems.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { planStudy } from "../../src/sim/plan.ts";

const small = { duration: "10s", backends: [{ name: "b", count: 2, service: "10ms" }], clients: { rate: 10 } };

/** Everything that is wrong, a line each. */
function problemsOf(raw: unknown): string[] {
  try {
    planStudy(raw, traits);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(tell);
    throw error;
  }
  return [];
}

const outage = { as: "503", from: "1s", to: "2s" };

const refusals: readonly (readonly [what: string, raw: unknown, says: RegExp])[] = [
  ["what is no object", [], /expected an object, found \[\]/],
  ["an unknown key", { ...small, outage: [] }, /outage: .*did you mean "outages"\?/],
  ["no backends", { ...small, backends: [] }, /backends: expected at least one group/],
  [
    "a group without a service time",
    { ...small, backends: [{ name: "b" }] },
    /backends\[0\]\.service: expected a duration/,
  ],
  [
    "two ways to come",
    { ...small, clients: { rate: 1, burst: 1 } },
    /clients: expected one of "rate", "users" and "burst"/,
  ],
  ["no way to come", { ...small, clients: {} }, /clients: expected one of "rate"/],
  [
    "an unknown failure",
    { ...small, outages: [{ ...outage, backends: ["b1"], as: "sleep" }] },
    /outages\[0\]\.as: .*"hang"/,
  ],
  [
    "an unknown backend",
    { ...small, outages: [{ ...outage, backends: ["b3"] }] },
    /outages\[0\]\.backends\[0\]: .*"b3"/,
  ],
  [
    "two backends of one id",
    { ...small, backends: [small.backends[0], { name: "b1", service: 0 }] },
    /^backends: .*"b1"/,
  ],
  ["an unknown column", { ...small, columns: ["speed"] }, /columns\[0\]: expected .*"p99"/],
  ["a setting that the configuration refuses", { ...small, pool: { policy: "fastest" } }, /pool\.policy: .*"p2c"/],
  [
    "a setting that is not simulated",
    { ...small, pool: { host: "x" } },
    /pool\.host: expected a setting that can be simulated/,
  ],
  ["a misspelt setting", { ...small, pool: { hedgin: {} } }, /pool\.hedgin: .*did you mean "hedging"\?/],
  [
    "a setting that the runtime cannot keep",
    { ...small, runtime: "workers", pool: { timeouts: { connect: "1s" } } },
    /pool\.timeouts\.connect: expected nothing on workers/,
  ],
  [
    "what is wrong in a variant, by its place there",
    { ...small, variants: { fast: { pool: { policy: "fastest" } } } },
    /^variants\.fast\.pool\.policy: /,
  ],
  ["no variants", { ...small, variants: {} }, /variants: expected at least one variant/],
];

describe("a scenario", () => {
  it("is complete with the configuration's own defaults, those of its runtime", () => {
    const { plans: [node] } = planStudy(small, traits);
    assert.equal(node!.pool.policy.type, "round-robin");
    assert.deepEqual(node!.pool.backends.map(({ id }) => id), ["b1", "b2"]);
    assert.notEqual(node!.pool.healthCheck, false);
    const { plans: [workers] } = planStudy({ ...small, runtime: "workers" }, traits);
    assert.equal(workers!.pool.healthCheck, false);
  });

  it("has variants that go over what it says, key by key in the pool and among the clients", () => {
    const pool = { policy: "p2c", panicThreshold: 10 };
    const variants = { a: {}, b: { duration: "5s", pool: { policy: "random" }, clients: { count: 7 } } };
    const { plans } = planStudy({ ...small, pool, variants }, traits);
    const said = plans.map(({ name, scenario, pool }) => [
      name,
      scenario.duration,
      scenario.clients.rate,
      scenario.clients.count,
      pool.policy.type,
      pool.panicThreshold,
    ]);
    assert.deepEqual(said, [["a", 10_000, 10, 1000, "p2c", 10], ["b", 5000, 10, 7, "random", 10]]);
  });

  for (const [what, raw, says] of refusals) {
    it(`is refused for ${what}`, () => {
      const problems = problemsOf(raw);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, says);
    });
  }
});
