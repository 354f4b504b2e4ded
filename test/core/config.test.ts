import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { type Config, type ConfigInput, parseBackends, parseConfig } from "../../src/core/config.ts";
import type { Traits } from "../../src/core/ports.ts";
import { backends, beside, complaints, parse, routed, traits, web } from "../support/config.ts";

describe("defaults", () => {
  it("completes one pool with one backend", () => {
    const smallest: ConfigInput = { pools: { web: { backends: ["http://127.0.0.1:8081"] } } };
    const expected = {
      listen: [{ port: 8080, hostname: "0.0.0.0" }],
      limits: { headBytes: 16_384, headTimeout: 10_000, idleTimeout: 75_000 },
      trustedProxies: [],
      pools: {
        web: {
          backends: [{
            id: "127.0.0.1:8081",
            url: "http://127.0.0.1:8081",
            weight: 1,
            priority: 0,
            maxRequests: 0,
            state: "active",
          }],
          protocol: "http1",
          policy: { type: "round-robin", start: "first", key: "ip", balanceFactor: 0, decay: 10_000 },
          healthCheck: {
            type: "tcp",
            path: "/health",
            method: "GET",
            headers: {},
            port: undefined,
            expectedStatuses: [[200, 299]],
            expectedBody: undefined,
            interval: 10_000,
            timeout: 2_000,
            unhealthyThreshold: 3,
            healthyThreshold: 2,
            jitter: 10,
            concurrency: 32,
          },
          outlierDetection: {
            consecutiveErrors: 5,
            consecutive5xx: 0,
            successRate: false,
            baseEjectionTime: 30_000,
            maxEjectionTime: 300_000,
            maxEjectionPercent: 50,
          },
          retry: {
            attempts: 1,
            on: ["connect-failure", "reset", "502", "503", "504"],
            methods: ["GET", "HEAD", "OPTIONS"],
            maxBodyBytes: 65_536,
            budget: { percent: 20, minConcurrent: 3 },
            backoff: { base: 25, max: 250 },
          },
          timeouts: { connect: 3_000, response: 30_000, request: 60_000, idle: 0 },
          circuitBreaker: { maxRequests: 0, maxPending: 0 },
          slowStart: { window: 0, aggression: 1, minWeightPercent: 10 },
          drain: { timeout: 300_000 },
          hedging: false,
          panicThreshold: 0,
          minHealthy: 1,
          host: "upstream",
        },
      },
      routes: [{
        match: {},
        pool: { kind: "failover", pools: ["web"] },
        setRequestHeaders: {},
        setResponseHeaders: {},
      }],
      admin: { path: "/_roundabout" },
      store: "memory",
      log: { level: "info", access: true, health: "transitions" },
      shutdown: { timeout: 10_000, preStopDelay: 0 },
    };
    assert.deepEqual(parse(smallest), expected);
  });

  it("gives an http check three seconds", () => {
    assert.deepEqual(checkOf(parse(web({ healthCheck: { type: "http" } }))).timeout, 3_000);
    assert.deepEqual(checkOf(parse(web({ healthCheck: { path: "/up" } }))).type, "http");
    assert.deepEqual(checkOf(parse(web({ healthCheck: {} }))).type, "tcp");
  });

  it("takes from the runtime where the rotation begins, whether is checked, and how many at once", () => {
    const workers = { ...traits, name: "workers", start: "random", healthCheck: false, probeConcurrency: 6 } as const;
    const plain = parseConfig({ pools: { web: { backends } } }, workers).pools["web"];
    assert.equal(plain?.policy.start, "random");
    assert.equal(plain?.healthCheck, false);
    assert.equal(checkOf(parseConfig(web({ healthCheck: { path: "/up" } }), workers)).concurrency, 6);
    const chosen = parseConfig(web({ policy: { type: "round-robin", start: "first" } }), workers).pools["web"];
    assert.equal(chosen?.policy.start, "first");
  });
});

const checkOf = ({ pools }: Config) => {
  const check = pools["web"]?.healthCheck;
  assert(check !== false && check !== undefined);
  return check;
};

describe("what is written", () => {
  const same = (input: unknown) => input;
  const cases: readonly { raw: unknown; at: readonly string[]; value: unknown }[] = [
    { raw: beside({ $schema: "./config.schema.json" }), at: ["$schema"], value: undefined },
    { raw: beside({ listen: { port: 0, hostname: "::" } }), at: ["listen"], value: [{ port: 0, hostname: "::" }] },
    { raw: beside({ limits: { bodyBytes: "100MiB" } }), at: ["limits", "bodyBytes"], value: 104_857_600 },
    { raw: beside({ limits: { bodyBytes: 0 } }), at: ["limits", "bodyBytes"], value: 0 },
    { raw: beside({ limits: { headTimeout: "5m" } }), at: ["limits", "headTimeout"], value: 300_000 },
    { raw: beside({ trustedProxies: ["10.0.0.0/8", "::1"] }), at: ["trustedProxies"], value: ["10.0.0.0/8", "::1"] },
    { raw: web({ healthCheck: false }), at: ["pools", "web", "healthCheck"], value: false },
    { raw: web({ outlierDetection: false }), at: ["pools", "web", "outlierDetection"], value: false },
    { raw: web({ policy: { type: "round-robin" } }), at: ["pools", "web", "policy", "start"], value: "first" },
    { raw: web({ host: "shop.example:8443" }), at: ["pools", "web", "host"], value: "shop.example:8443" },
    { raw: web({ retry: { on: [502, "timeout"] } }), at: ["pools", "web", "retry", "on"], value: ["502", "timeout"] },
    { raw: web({ timeouts: { idle: "1h" } }), at: ["pools", "web", "timeouts", "idle"], value: 3_600_000 },
    ...[["200-299,304", [[200, 299], [304, 304]]], ["204", [[204, 204]]], [200, [[200, 200]]]].map((
      [statuses, value],
    ) => ({
      raw: web({ healthCheck: { path: "/up", expectedStatuses: statuses } }),
      at: ["pools", "web", "healthCheck", "expectedStatuses"],
      value,
    })),
    ...[["10%", 10], ["2.5%", 2.5], [0, 0]].map(([jitter, value]) => ({
      raw: web({ healthCheck: { jitter } }),
      at: ["pools", "web", "healthCheck", "jitter"],
      value,
    })),
    ...["/up/", "/^ok$/", "/", "ok"].map((expectedBody) => ({
      raw: web({ healthCheck: { path: "/up?full", expectedBody } }),
      at: ["pools", "web", "healthCheck", "expectedBody"],
      value: expectedBody,
    })),
    ...["*", "/*", "/", "/api", "/api/*", "/a%20b"].map((path) => ({
      raw: routed({ match: { path } }),
      at: ["routes", "0", "match", "path"],
      value: path,
    })),
    ...["*", "a.example", "*.example.com", "a_b", "[::1]"].map((host) => ({
      raw: routed({ match: { host } }),
      at: ["routes", "0", "match", "host"],
      value: host,
    })),
    { raw: routed({ stripPrefix: "/a/b", addPrefix: "/c" }), at: ["routes", "0", "addPrefix"], value: "/c" },
    { raw: routed({ bodyBytes: "1KiB" }), at: ["routes", "0", "bodyBytes"], value: 1024 },
    {
      raw: routed({ setRequestHeaders: { "X-Api": "1" } }),
      at: ["routes", "0", "setRequestHeaders"],
      value: { "x-api": "1" },
    },
    { raw: beside({ admin: false }), at: ["admin"], value: false },
    {
      raw: beside({ store: { type: "kv", binding: "POOLS" } }),
      at: ["store"],
      value: { type: "kv", binding: "POOLS" },
    },
    { raw: beside({ log: { format: "pretty" } }), at: ["log", "format"], value: "pretty" },
    { raw: { ...web({}), admin: undefined }, at: ["admin"], value: { path: "/_roundabout" } },
  ];
  for (const { raw, at, value } of cases) {
    it(`keeps ${at.join(".")} of ${JSON.stringify(raw).slice(0, 120)}`, () => {
      const config: unknown = parse(raw);
      assert.deepEqual(at.reduce((inner, key) => (same(inner) as Record<string, unknown>)[key], config), value);
    });
  }
});

describe("what a runtime cannot keep", () => {
  const workers: Traits = {
    ...traits,
    name: "workers",
    cannot: [
      { path: "limits.headTimeout", why: "no sockets" },
      { path: "pools.*.host", why: "fetch sets it", except: "upstream" },
      { path: "routes.*.bodyBytes", why: "unknown" },
    ],
  };
  const told = (raw: unknown) => complaints(() => parseConfig(raw, workers));

  it("is named with its reason", () => {
    assert.deepEqual(
      told({ ...web({ host: "preserve" }), limits: { headTimeout: "10s" }, routes: [{ pool: "web", bodyBytes: 1 }] }),
      [
        'limits.headTimeout: expected nothing on workers, found "10s"; no sockets',
        'pools.web.host: expected "upstream" on workers, found "preserve"; fetch sets it',
        "routes[0].bodyBytes: expected nothing on workers, found 1; unknown",
      ],
    );
  });

  it("is let be as a default, and as the value that it can keep", () => {
    assert.deepEqual(told({ pools: { web: { backends } } }), []);
    assert.deepEqual(told(web({ host: "upstream" })), []);
  });
});

describe("any input", () => {
  const keys = fc.constantFrom(
    "pools",
    "web",
    "backends",
    "url",
    "routes",
    "match",
    "headers",
    "healthCheck",
    "__proto__",
    "a",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue(),
      fc.constantFrom("http://a", "10s", "64KiB", "/x", "*", false),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.array(fc.tuple(keys, tie("tree")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));

  it("is a configuration or a ConfigError with problems, and leaves no trace in Object.prototype", () => {
    fc.assert(fc.property(tree, (raw) => {
      const [line] = complaints(() => parse(raw));
      assert(line === undefined || line.includes("expected"));
      assert.deepEqual(Object.keys(Object.prototype), []);
    }));
  });

  it("is backends or a ConfigError, and backends have ids of their own", () => {
    const urls = fc.webUrl().chain((url) => fc.constantFrom(url, url.slice(0, 12), { url }, { url, weight: 3 }));
    fc.assert(fc.property(fc.array(fc.oneof(urls, tree)), (raw) => {
      complaints(() => {
        const parsed = parseBackends(raw);
        assert.equal(new Set(parsed.map(({ id }) => id)).size, parsed.length);
      });
    }));
  });

  it("takes as a trusted proxy only what ipaddr.js understands", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended());
    fc.assert(fc.property(address, fc.option(fc.nat(140)), (ip, bits) => {
      const text = bits === null ? ip : `${ip}/${bits}`;
      if (complaints(() => parse(beside({ trustedProxies: [text] }))).length > 0) return;
      assert(bits === null ? ipaddr.isValid(text) : ipaddr.isValidCIDR(text), text);
    }));
  });
});
