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

const refusals: readonly (readonly [what: string, raw: unknown, says: RegExp | string])[] = [
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
  [
    "an end before the beginning",
    { ...small, outages: [{ ...outage, backends: ["b1"], from: "3s" }] },
    'outages[0].to: expected a time after "from", which is 3s, found "2s"',
  ],
  [
    "an end at the beginning",
    { ...small, slowDowns: [{ backends: ["b1"], factor: 2, from: 1000, to: "1s" }] },
    'slowDowns[0].to: expected a time after "from", which is 1s, found "1s"',
  ],
  ...[
    ["an outage", "outages[0].from", { outages: [{ as: "503", backends: ["b1"], from: "1m" }] }],
    ["a slow-down", "slowDowns[0].from", { slowDowns: [{ factor: 2, backends: ["b1"], from: "1m", every: "1s" }] }],
    ["a change", "changes[0].at", { changes: [{ state: "drain", backends: ["b1"], at: "1m" }] }],
    ["a deploy", "deploys[1].from", { deploys: [{ from: "1s" }, { from: "1m" }] }],
  ].map(([what, path, events]) =>
    [
      `${what} that never comes`,
      { ...small, ...(events as object) },
      `${path}: expected a time before duration, which is 10s, found "1m"`,
    ] as const
  ),
  [
    "an outage that comes at the end",
    { ...small, outages: [{ as: "503", backends: ["b1"], from: 10_000 }] },
    "outages[0].from: expected a time before duration, which is 10s, found 10000",
  ],
  [
    "an event that never comes in a variant that is shorter",
    { ...small, changes: [{ state: "drain", backends: ["b1"], at: "8s" }], variants: { a: {}, b: { duration: "5s" } } },
    'changes[0].at: expected a time before variants.b.duration, which is 5s, found "8s"',
  ],
  [
    "an unknown backend that is followed",
    { ...small, follow: ["b1", "b9"] },
    'follow[1]: expected the id of a backend, found "b9"; did you mean "b1"?',
  ],
  [
    "a store that is seen sooner than at the earliest",
    { ...small, runtime: "workers", store: { delay: { min: "60s", max: "30s" } } },
    'store.delay.max: expected a duration from "min" on, which is 1m, found "30s"',
  ],
  [
    "a rate that goes back in time",
    { ...small, clients: { rate: [{ at: "0s", rate: 1 }, { at: "5s", rate: 9 }, { at: "2s", rate: 1 }] } },
    'clients.rate[2].at: expected 5s or later, in the order of time, found "2s"',
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

  it("may have a rate that jumps, and follow a backend that only one of its variants has", () => {
    const rate = [{ at: "0s", rate: 1 }, { at: "5s", rate: 1 }, { at: "5s", rate: 9 }];
    const variants = { two: {}, three: { backends: [{ name: "b", count: 3, service: 0 }] } };
    assert.deepEqual(problemsOf({ ...small, clients: { rate }, follow: ["b3"], variants }), []);
  });

  for (const [what, raw, says] of refusals) {
    it(`is refused for ${what}`, () => {
      const problems = problemsOf(raw);
      assert.equal(problems.length, 1, problems.join("\n"));
      if (typeof says === "string") assert.equal(problems[0], says);
      else assert.match(problems[0]!, says);
    });
  }
});
