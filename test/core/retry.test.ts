import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { backoffMs, mayRetry, type Repeatable, type RetryRule, type Try } from "../../src/core/retry.ts";
import { randomSources } from "../support/arbitraries.ts";

const rule: RetryRule = {
  attempts: 1,
  on: ["connect-failure", "reset", "502", "503", "504"],
  methods: ["GET", "HEAD", "OPTIONS"],
  backoff: { base: 25, max: 250 },
  budget: { percent: 20, minConcurrent: 3 },
};
const get: Repeatable = { method: "GET", replayable: true, idempotent: false };
const post: Repeatable = { method: "POST", replayable: true, idempotent: false };

const failed = (code: ErrorCode): Try => ({ error: new ProxyError(code) });

describe("another try", () => {
  const cases: readonly { last: Try; get: boolean; post: boolean; keyed: boolean; on?: readonly string[] }[] = [
    { last: failed("connection_refused"), get: true, post: true, keyed: true },
    { last: failed("connection_timeout"), get: true, post: true, keyed: true },
    { last: failed("dns_error"), get: true, post: true, keyed: true },
    { last: failed("tls_error"), get: true, post: true, keyed: true },
    { last: failed("destination_ip_unroutable"), get: true, post: true, keyed: true },
    { last: failed("connection_terminated"), get: true, post: false, keyed: true },
    { last: failed("http_response_timeout"), get: false, post: false, keyed: false },
    { last: failed("http_response_timeout"), get: true, post: false, keyed: true, on: ["timeout"] },
    { last: failed("http_protocol_error"), get: false, post: false, keyed: false },
    { last: failed("http_response_incomplete"), get: false, post: false, keyed: false },
    { last: failed("client_aborted"), get: false, post: false, keyed: false },
    { last: failed("body_too_large"), get: false, post: false, keyed: false },
    { last: failed("proxy_internal_error"), get: false, post: false, keyed: false },
    { last: failed("destination_unavailable"), get: false, post: false, keyed: false },
    { last: { status: 502 }, get: true, post: false, keyed: true },
    { last: { status: 503 }, get: true, post: false, keyed: true },
    { last: { status: 504 }, get: true, post: false, keyed: true },
    { last: { status: 500 }, get: false, post: false, keyed: false },
    { last: { status: 429 }, get: false, post: false, keyed: false },
    { last: { status: 200 }, get: false, post: false, keyed: false },
    { last: failed("connection_refused"), get: false, post: false, keyed: false, on: ["502"] },
    { last: { status: 502 }, get: false, post: false, keyed: false, on: ["connect-failure", "503"] },
    { last: { status: 502 }, get: false, post: false, keyed: false, on: [] },
  ];
  for (const { last, on = rule.on, ...expected } of cases) {
    const told = last.error?.code ?? last.status;
    it(`after ${told}, on ${on.join(" ")}: ${JSON.stringify(expected)}`, () => {
      const may = (request: Repeatable) => mayRetry(last, request, { ...rule, on });
      assert.deepEqual({ get: may(get), post: may(post), keyed: may({ ...post, idempotent: true }) }, expected);
      for (const request of [get, post, { ...post, idempotent: true }]) {
        assert.equal(may({ ...request, replayable: false }), false);
      }
    });
  }

  it("is for the configured methods", () => {
    const may = (method: string) => mayRetry({ status: 502 }, { ...get, method }, { ...rule, methods: ["PUT"] });
    assert.deepEqual(["PUT", "GET", "put"].map(may), [true, false, false]);
  });
});

describe("the wait before it", () => {
  it("is chance between 0 and twice as much each time, up to the longest", () => {
    const bounds = fc.record({ base: fc.nat(10_000), max: fc.nat(10_000) });
    const last = fc.constantFrom<Try>(
      { status: 503 },
      failed("connection_terminated"),
      failed("http_response_timeout"),
    );
    fc.assert(
      fc.property(last, fc.integer({ min: 1, max: 100 }), bounds, randomSources, (last, further, backoff, random) => {
        const ms = backoffMs(last, further, { backoff }, random);
        assert.ok(ms >= 0 && ms <= Math.min(backoff.max, backoff.base * 2 ** (further - 1)));
      }),
    );
    const longest = [1, 2, 3, 4, 5, 6].map((further) => backoffMs({ status: 503 }, further, rule, () => 1));
    assert.deepEqual(longest, [25, 50, 100, 200, 250, 250]);
    assert.equal(backoffMs({ status: 503 }, 3, rule, () => 0.5), 50);
    assert.equal(backoffMs({ status: 503 }, 3, rule, () => 0), 0);
  });

  it("is none after a connect-failure, whatever anybody asked for", () => {
    assert.equal(backoffMs(failed("connection_refused"), 5, rule, () => 1), 0);
    assert.equal(backoffMs(failed("connection_timeout"), 5, rule, () => 1, 500), 0);
  });

  const asked: readonly [retryAfterMs: number, ms: number][] = [
    [0, 0],
    [1, 1],
    [999, 999],
    [1_000, 1_000],
    [1_001, 25],
    [60_000, 25],
    [-5_000, 0],
    [Number.NaN, 25],
  ];
  for (const [retryAfterMs, ms] of asked) {
    it(`is ${ms} ms where the backend asks for ${retryAfterMs}`, () => {
      assert.equal(backoffMs({ status: 503 }, 1, rule, () => 1, retryAfterMs), ms);
    });
  }
});
