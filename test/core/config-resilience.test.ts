import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PoolConfig } from "../../src/core/config.ts";
import { complaints, parse, web } from "../support/config.ts";

/** One key of a pool as it is understood. */
const understood = (key: keyof PoolConfig, value: unknown): unknown => parse(web({ [key]: value })).pools["web"]![key];

const secret = "0123456789abcdef";

describe("what keeps a pool alive", () => {
  const cases: readonly [key: keyof PoolConfig, written: unknown, value: unknown][] = [
    ["outlierDetection", false, false],
    [
      "outlierDetection",
      { consecutiveErrors: 3, consecutive5xx: 10, baseEjectionTime: "1s", maxEjectionTime: "1m" },
      {
        consecutiveErrors: 3,
        consecutive5xx: 10,
        successRate: false,
        baseEjectionTime: 1_000,
        maxEjectionTime: 60_000,
        maxEjectionPercent: 50,
      },
    ],
    [
      "outlierDetection",
      { successRate: {}, maxEjectionPercent: "10%", baseEjectionTime: "5m" },
      {
        consecutiveErrors: 5,
        consecutive5xx: 0,
        successRate: { interval: 10_000, minimumBackends: 5, requestVolume: 100, stdevFactor: 1_900 },
        baseEjectionTime: 300_000,
        maxEjectionTime: 300_000,
        maxEjectionPercent: 10,
      },
    ],
    ["circuitBreaker", { maxRequests: 1024, maxPending: 64 }, { maxRequests: 1024, maxPending: 64 }],
    ["slowStart", { window: "30s" }, { window: 30_000, aggression: 1, minWeightPercent: 10 }],
    ["slowStart", { aggression: 1.5, minWeightPercent: "5%" }, { window: 0, aggression: 1.5, minWeightPercent: 5 }],
    ["drain", { timeout: "10m" }, { timeout: 600_000 }],
    ["drain", { timeout: 0 }, { timeout: 0 }],
    ["hedging", false, false],
    ["hedging", {}, { delay: "p95", maxPercent: 5 }],
    ["hedging", { delay: "50ms", maxPercent: "2.5%" }, { delay: 50, maxPercent: 2.5 }],
    ["panicThreshold", "50%", 50],
    ["minHealthy", 3, 3],
    [
      "sessionAffinity",
      { type: "cookie", secret },
      { type: "cookie", cookie: "roundabout", ttl: "session", secret, failover: "sticky" },
    ],
    [
      "sessionAffinity",
      { type: "cookie", secret, cookie: "lb", ttl: "1h", failover: "none" },
      { type: "cookie", cookie: "lb", ttl: 3_600_000, secret, failover: "none" },
    ],
    [
      "sessionAffinity",
      { type: "ip", failover: "temporary" },
      { type: "ip", cookie: "roundabout", ttl: "session", failover: "temporary" },
    ],
    [
      "sessionAffinity",
      { type: "header:X-User" },
      { type: "header:X-User", cookie: "roundabout", ttl: "session", failover: "sticky" },
    ],
    ...["ip", "path", "uri", "header:x-user", "query:id", "cookie:sid"].map(
      (key): [keyof PoolConfig, unknown, unknown] => [
        "policy",
        { type: "hash", key, balanceFactor: 125 },
        { type: "hash", start: "first", key, balanceFactor: 125, decay: 10_000 },
      ],
    ),
    ...["round-robin", "least-connections", "p2c", "random", "peak-ewma", "hash", "first"].map(
      (type): [keyof PoolConfig, unknown, unknown] => [
        "policy",
        type,
        { type, start: "first", key: "ip", balanceFactor: 0, decay: 10_000 },
      ],
    ),
    [
      "policy",
      { type: "peak-ewma", decay: "3s" },
      { type: "peak-ewma", start: "first", key: "ip", balanceFactor: 0, decay: 3_000 },
    ],
  ];
  for (const [key, written, value] of cases) {
    it(`is understood: ${key} ${JSON.stringify(written)}`, () => assert.deepEqual(understood(key, written), value));
  }

  it("is understood: a retry's budget and backoff", () => {
    const { retry } = parse(web({ retry: { budget: { percent: "100%" }, backoff: { base: 0, max: 0 } } }))
      .pools["web"]!;
    assert.deepEqual(retry.budget, { percent: 100, minConcurrent: 3 });
    assert.deepEqual(retry.backoff, { base: 0, max: 0 });
  });
});

describe("what would not", () => {
  const policies = '"round-robin", "least-connections", "p2c", "random", "peak-ewma", "hash" or "first"';
  const percentage = 'expected a percentage from 0 to 100, such as "10%" or 10';
  const duration = 'expected a duration such as "10s" or "250ms", or a number of milliseconds';
  const bad: readonly [key: string, written: unknown, ...told: string[]][] = [
    ["policy", "hsah", `policy: expected ${policies} or an object with it as "type", found "hsah"`],
    ["policy", { type: "p2p" }, `policy.type: expected ${policies}, found "p2p"`],
    // Of an unknown policy nobody can say which keys it has.
    ["policy", { type: "p2p", key: "ip" }, `policy.type: expected ${policies}, found "p2p"`],
    ["policy", { start: "first" }, `policy.type: expected ${policies}, found nothing`],
    [
      "policy",
      { type: "p2c", key: "ip", decay: "1s", balanceFactor: 125, start: "first" },
      'policy.start: expected nothing, because only round-robin has it, found "first"',
      'policy.key: expected nothing, because only hash has it, found "ip"',
      "policy.balanceFactor: expected nothing, because only hash has it, found 125",
      'policy.decay: expected nothing, because only peak-ewma has it, found "1s"',
    ],
    ...["header:", "header:a b", "cookie", "host"].map((key): [string, unknown, string] => [
      "policy",
      { type: "hash", key },
      `policy.key: expected "ip", "path", "uri", "header:NAME", "query:NAME" or "cookie:NAME", found "${key}"`,
    ]),
    ...[99, -1, 10_001, Number.NaN].map((balanceFactor): [string, unknown, string] => [
      "policy",
      { type: "hash", balanceFactor },
      `policy.balanceFactor: expected 0, or a percentage from 100 to 10000, found ${balanceFactor}`,
    ]),
    ["policy", { type: "peak-ewma", decay: 0 }, "policy.decay: expected a duration from 1ms to 576h, found 0"],
    ["outlierDetection", true, "outlierDetection: expected false or an object, found true"],
    [
      "outlierDetection",
      { consecutiveErrors: -1, consecutive5xx: 1.5, baseEjectionTime: 0, maxEjectionPercent: 101 },
      "outlierDetection.consecutiveErrors: expected a whole number from 0, found -1",
      "outlierDetection.consecutive5xx: expected a whole number from 0, found 1.5",
      "outlierDetection.baseEjectionTime: expected a duration from 1ms to 576h, found 0",
      `outlierDetection.maxEjectionPercent: ${percentage}, found 101`,
    ],
    [
      "outlierDetection",
      { successRate: { interval: 1, minimumBackends: 1, requestVolume: 0, stdevFactor: 0 } },
      "outlierDetection.successRate.interval: expected a duration from 100ms to 576h, found 1",
      "outlierDetection.successRate.minimumBackends: expected a whole number from 2, found 1",
      "outlierDetection.successRate.requestVolume: expected a whole number from 1, found 0",
      "outlierDetection.successRate.stdevFactor: expected a whole number from 1, found 0",
    ],
    [
      "outlierDetection",
      { successRate: true },
      "outlierDetection.successRate: expected false or an object, found true",
    ],
    [
      "outlierDetection",
      { baseEjectionTime: "10m" },
      "outlierDetection.maxEjectionTime: expected at least baseEjectionTime, 10m, found 5m by default",
    ],
    [
      "outlierDetection",
      { maxEjectionTime: "5s" },
      "outlierDetection.maxEjectionTime: expected at least baseEjectionTime, 30s, found 5s",
    ],
    [
      "retry",
      { budget: { percent: 200, minConcurrent: -1 } },
      `retry.budget.percent: ${percentage}, found 200`,
      "retry.budget.minConcurrent: expected a whole number from 0, found -1",
    ],
    ["retry", { budget: false }, "retry.budget: expected an object, found false"],
    ["retry", { backoff: { base: "1s" } }, "retry.backoff.max: expected at least base, 1s, found 250ms by default"],
    [
      "retry",
      { backoff: { base: "soon", max: -1 } },
      `retry.backoff.base: ${duration}, found "soon"`,
      "retry.backoff.max: expected a duration from 0 to 576h, found -1",
    ],
    [
      "circuitBreaker",
      { maxRequests: -1, maxPending: 0.5 },
      "circuitBreaker.maxRequests: expected a whole number from 0, found -1",
      "circuitBreaker.maxPending: expected a whole number from 0, found 0.5",
    ],
    ...[{ maxPending: 5 }, { maxRequests: 0, maxPending: 5 }].map((written): [string, unknown, string] => [
      "circuitBreaker",
      written,
      "circuitBreaker.maxPending: expected nothing, because without maxRequests nobody waits, found 5",
    ]),
    [
      "slowStart",
      { window: -1, aggression: 0, minWeightPercent: 101 },
      "slowStart.window: expected a duration from 0 to 576h, found -1",
      "slowStart.aggression: expected a number from 0.1 to 10, found 0",
      `slowStart.minWeightPercent: ${percentage}, found 101`,
    ],
    ["drain", "5m", 'drain: expected an object, found "5m"'],
    ["drain", { timeout: -1 }, "drain.timeout: expected a duration from 0 to 576h, found -1"],
    ["hedging", true, "hedging: expected false or an object, found true"],
    ["hedging", { delay: "p99" }, `hedging.delay: ${duration}, found "p99"`],
    [
      "hedging",
      { delay: 0, maxPercent: -1 },
      "hedging.delay: expected a duration from 1ms to 576h, found 0",
      `hedging.maxPercent: ${percentage}, found -1`,
    ],
    ["panicThreshold", 101, `panicThreshold: ${percentage}, found 101`],
    ["panicThreshold", {}, `panicThreshold: ${percentage}, found {}`],
    ["minHealthy", 0, "minHealthy: expected a whole number from 1, found 0"],
    ["sessionAffinity", false, "sessionAffinity: expected an object, found false"],
    ["sessionAffinity", {}, 'sessionAffinity.type: expected "cookie", "ip" or "header:NAME", found nothing'],
    [
      "sessionAffinity",
      { type: "header:" },
      'sessionAffinity.type: expected "cookie", "ip" or "header:NAME", found "header:"',
    ],
    [
      "sessionAffinity",
      { type: "cookie" },
      "sessionAffinity.secret: expected a text of at least 16 characters to sign the cookie with, found nothing",
    ],
    [
      "sessionAffinity",
      { type: "ip", secret, cookie: "x", ttl: "1h" },
      'sessionAffinity.cookie: expected nothing, because there is no cookie, found "x"',
      'sessionAffinity.ttl: expected nothing, because there is no cookie, found "1h"',
      "sessionAffinity.secret: expected nothing, because there is no cookie, found a secret",
    ],
    [
      "sessionAffinity",
      { type: "cookie", secret, cookie: "a b", ttl: "1ms", failover: "stick" },
      'sessionAffinity.cookie: expected the name of a cookie, found "a b"',
      'sessionAffinity.ttl: expected a duration from 1s to 576h, found "1ms"',
      'sessionAffinity.failover: expected "sticky", "temporary" or "none", found "stick"',
    ],
  ];
  for (const [key, written, ...told] of bad) {
    it(`is refused: ${key} ${JSON.stringify(written)}`, () => {
      const lines = complaints(() => parse(web({ [key]: written })));
      assert.deepEqual(lines, told.map((line) => `pools.web.${line}`));
    });
  }

  it("is refused without showing a secret", () => {
    const [line, ...more] = complaints(() => parse(web({ sessionAffinity: { type: "cookie", secret: "hunter2" } })));
    const expected = "pools.web.sessionAffinity.secret: expected a text of at least 16 characters, found a text of 7";
    assert.deepEqual([line, more], [expected, []]);
  });
});

describe("what sessions exclude", () => {
  const backends = ["http://127.0.0.1:8081"];
  const cookie = (name?: string) => ({
    backends,
    sessionAffinity: { type: "cookie", secret, ...(name && { cookie: name }) },
  });

  it("is two pools with cookies of one name", () => {
    const routes = [{ pool: "a" }];
    assert.deepEqual(
      complaints(() => parse({ pools: { a: cookie(), b: cookie("roundabout"), c: cookie("c") }, routes })),
      [
        'pools.b.sessionAffinity.cookie: expected a name of its own, because pool "a" has this one, found "roundabout"',
      ],
    );
  });

  it("is a policy beside sessions that are placed by their hash", () => {
    assert.deepEqual(complaints(() => parse(web({ sessionAffinity: { type: "ip" }, policy: "p2c" }))), [
      'pools.web.policy: expected nothing, because sessions by ip are placed by their hash, found "p2c"',
    ]);
    assert.deepEqual(complaints(() => parse(web({ sessionAffinity: { type: "cookie", secret }, policy: "p2c" }))), []);
  });
});
