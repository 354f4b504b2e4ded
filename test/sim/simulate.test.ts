import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { traits } from "../../src/runtimes/traits.ts";
import { type FigureName, figures } from "../../src/sim/figures.ts";
import { planStudy } from "../../src/sim/plan.ts";
import type { Observed } from "../../src/sim/record.ts";
import { simulate } from "../../src/sim/simulate.ts";

const base = {
  duration: "20s",
  backends: [{ name: "b", count: 4, service: "10ms" }],
  clients: { rate: 100 },
};
const quiet = { outlierDetection: false, healthCheck: false };
const out = (as: string) => [{ backends: ["b1"], as, from: "0s" }];

function run(raw: object, seed = 1): Observed {
  const [plan] = planStudy({ ...base, ...raw }, traits).plans;
  return simulate(plan!, seed);
}

const read = (observed: Observed, figure: FigureName) => figures[figure].of(observed, ["b1"]);

describe("a simulated run", () => {
  it("is the same for the same seed, and another for another", () => {
    const raw = { pool: { policy: "p2c" }, backends: [{ name: "b", count: 4, service: { exponential: "10ms" } }] };
    assert.deepEqual(run(raw, 1), run(raw, 1));
    assert.notDeepEqual(run(raw, 1).stretches, run(raw, 2).stretches);
  });

  it("has as many requests as its rate says, and gives each backend its share", () => {
    const observed = run({ duration: "200s" });
    assert.ok(Math.abs(observed.requests - 20_000) < 3 * Math.sqrt(20_000), String(observed.requests));
    const tries = observed.backends.map((backend) => backend.tries);
    assert.ok(Math.max(...tries) - Math.min(...tries) <= 1, String(tries));
  });

  it("follows a ramp", () => {
    const rate = [{ at: "0s", rate: 0 }, { at: "10s", rate: 0 }, { at: "20s", rate: 200 }];
    const { requests, stretches } = run({ clients: { rate } });
    assert.ok(Math.abs(requests - 1000) < 100, String(requests));
    assert.equal(stretches.slice(0, 59).reduce((sum, stretch) => sum + stretch.requests, 0), 0);
  });

  it("with users has as many requests as there are answers to wait for", () => {
    const { requests, backends } = run({ clients: { users: 5, think: "90ms" } });
    assert.equal(requests, 5 * 200);
    assert.ok(backends.every(({ peak }) => peak <= 5));
  });

  it("tries another backend, and no client sees the one that refuses", () => {
    const observed = run({ outages: out("refuse"), pool: quiet });
    assert.equal(observed.errors, 0);
    assert.ok(Math.abs(read(observed, "amplification")! - 1.25) < 0.01, String(read(observed, "amplification")));
  });

  it("does not repeat a POST that was sent, and repeats one that was not", () => {
    const clients = { rate: 100, postPercent: 100 };
    assert.equal(read(run({ clients, outages: out("503"), pool: quiet }), "amplification"), 1);
    assert.equal(run({ clients, outages: out("refuse"), pool: quiet }).errors, 0);
    const onWorkers = run({ runtime: "workers", clients, outages: out("refuse"), pool: quiet });
    assert.ok(onWorkers.errors > 400, "there nobody can tell that nothing was sent");
  });

  it("ejects whom five requests in a row found broken", () => {
    const observed = run({ duration: "10s", outages: out("503"), pool: { healthCheck: false } });
    assert.deepEqual([observed.ejections, observed.errors, observed.backends[0]!.tries], [1, 0, 5]);
  });

  it("checks by http find out what checks that only connect do not", () => {
    const healthCheck = (type: string) => ({ ...quiet, healthCheck: { type, interval: "1s" } });
    assert.equal(run({ outages: out("503"), pool: healthCheck("http") }).backends[0]!.tries, 0);
    assert.ok(run({ outages: out("503"), pool: healthCheck("tcp") }).backends[0]!.tries > 400);
  });

  it("answers 503 when nobody is left", () => {
    const all = [{ backends: ["b1", "b2", "b3", "b4"], as: "503", from: "0s" }];
    const observed = run({ outages: all, pool: { healthCheck: { path: "/health" } } });
    assert.equal(observed.errors, observed.requests);
    assert.equal(observed.tries, 0);
  });

  it("waits no longer than the timeouts say", () => {
    const timeouts = { response: "1s", request: "1500ms" };
    const retry = { attempts: 3, on: ["timeout"], backoff: { base: 0, max: 0 }, budget: { minConcurrent: 1000 } };
    const hangs = [{ backends: ["b1", "b2", "b3", "b4"], as: "hang", from: "0s" }];
    const observed = run({ outages: hangs, pool: { ...quiet, timeouts, retry } });
    assert.equal(observed.timeMs / observed.requests, 1500);
    assert.equal(observed.tries, 2 * observed.requests);
  });

  it("hedges what is slow, and counts the first answer", () => {
    const slow = { slowDowns: [{ backends: ["b1"], factor: 100, from: "0s" }] };
    const hedged = run({ ...slow, pool: { ...quiet, hedging: { delay: "20ms", maxPercent: 100 } } });
    assert.equal(read(hedged, "max"), 30);
    assert.ok(Math.abs(read(hedged, "amplification")! - 1.25) < 0.01);
    assert.equal(read(run({ ...slow, pool: quiet }), "max"), 1000);
  });

  it("has saved up hedges when there is somebody to hedge with again", () => {
    const observed = run({
      duration: "10500ms",
      backends: [{ name: "b", count: 2, service: "100ms" }],
      changes: [{ backends: ["b2"], at: 0, state: "maintenance" }, { backends: ["b2"], at: "10s", state: "active" }],
      pool: { ...quiet, hedging: { delay: "20ms", maxPercent: 5 } },
    });
    const hedges = observed.tries - observed.requests;
    assert.ok(hedges > 10 && hedges < 15, `${hedges} hedges`);
  });

  it("with a hedge under way waits for it when the first try fails", () => {
    const pool = { ...quiet, timeouts: { response: "25ms" }, retry: { attempts: 0 } };
    const hedging = { delay: "20ms", maxPercent: 100 };
    assert.ok(run({ outages: out("hang"), pool }).errors > 400);
    const hedged = run({ outages: out("hang"), pool: { ...pool, hedging } });
    assert.deepEqual([hedged.errors, read(hedged, "max")], [0, 30]);
  });

  it("drains before it takes a backend away", () => {
    const deploys = [{ from: "2s", drain: "1s", away: "2s", pause: "1s" }];
    const observed = run({ deploys, pool: quiet, clients: { rate: 100, postPercent: 100 } });
    assert.deepEqual([observed.errors, observed.ejections], [0, 0]);
    assert.equal(observed.tries, observed.requests);
  });

  it("loses no request, whatever happens: each is answered once, and nothing stays in flight", () => {
    const policies = ["round-robin", "least-connections", "p2c", "random", "peak-ewma", "hash", "first"];
    const scenario = fc.record({
      seed: fc.nat(1000),
      policy: fc.constantFrom(...policies),
      isolates: fc.integer({ min: 1, max: 3 }),
      runtime: fc.constantFrom("node", "workers"),
      as: fc.constantFrom("refuse", "unreachable", "hang", "500", "503"),
      percent: fc.integer({ min: 1, max: 100 }),
      workers: fc.integer({ min: 0, max: 2 }),
      attempts: fc.integer({ min: 0, max: 3 }),
      isHedged: fc.boolean(),
      postPercent: fc.constantFrom(0, 30),
      burst: fc.integer({ min: 1, max: 300 }),
      every: fc.integer({ min: 100, max: 5000 }),
    });
    fc.assert(
      fc.property(scenario, ({ seed, policy, isolates, runtime, ...more }) => {
        const { as, percent, workers, attempts, isHedged, postPercent, burst, every } = more;
        const observed = run({
          runtime,
          isolates,
          backends: [{ name: "b", count: 3, service: { exponential: "50ms" }, workers, queue: 5 }],
          clients: { burst, postPercent },
          outages: [{ backends: ["b1", "b2"], as, percent, from: 0, to: 50, every }],
          pool: { policy, retry: { attempts }, ...(isHedged && { hedging: { delay: "5ms", maxPercent: 50 } }) },
        }, seed);
        assert.equal(observed.requests, burst);
        assert.deepEqual(observed.backends.map(({ inFlight }) => inFlight), [0, 0, 0]);
        const most = (1 + attempts) * (isHedged ? 2 : 1);
        assert.ok(observed.tries <= burst * Math.min(3, most), `${observed.tries} tries`);
      }),
      { numRuns: 60 },
    );
  });
});
