import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EjectionRule } from "../../src/core/ejections.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { backend, seededRandom, weighted } from "../support/arbitraries.ts";
import { ejectionRule, failure, settle, type Stage, stage, type StageOptions } from "../support/balancing.ts";

const equal = (count: number) => weighted(...Array.from({ length: count }, () => 1));

/** Without jitter. */
const exact = () => 0;

const among = (count: number, rule: Partial<EjectionRule> = {}, rest: StageOptions = {}): Stage =>
  stage(equal(count), { random: exact, outlierDetection: { ...ejectionRule, ...rule }, ...rest });

/** Requests by turns until this one gets one, or so many. */
function isPicked(on: Stage, id: string, picks = 20): boolean {
  for (let pick = 0; pick < picks; pick++) {
    const made = on.pick()!;
    made.done(failure("client_aborted"));
    if (made.backend.id === id) return true;
  }
  return false;
}

describe("a backend is ejected", () => {
  // . passed, x refused, 5 a plain 500, g a 503, b broken off midway, a aborted by the client
  const cases: readonly { name: string; fates: string; out: boolean; rule?: Partial<EjectionRule> }[] = [
    { name: "not below the count", fates: "xxxx", out: false },
    { name: "at the count", fates: "xxxxx", out: true },
    { name: "not where a success came between", fates: "xxxx.xxxx", out: false },
    { name: "when the count is reached after a success", fates: "xxxx.xxxxx", out: true },
    { name: "for gateway errors", fates: "ggggg", out: true },
    { name: "for all kinds of errors together", fates: "xgbxg", out: true },
    { name: "for answers that break off, though their heads were good", fates: "bbbbb", out: true },
    { name: "not for what clients did", fates: "aaaaaaaaaa", out: false },
    { name: "whatever clients did between the errors", fates: "xxaxxaaax", out: true },
    { name: "not for plain 500s", fates: "5555555555", out: false },
    { name: "not where a plain 500 came between", fates: "xxxx5xxxx", out: false },
    { name: "for plain 500s where they count", fates: "555", out: true, rule: { consecutive5xx: 3 } },
    { name: "for 500s and errors where they count", fates: "5x5", out: true, rule: { consecutive5xx: 3 } },
    { name: "not for 500s with a success between", fates: "55.55", out: false, rule: { consecutive5xx: 3 } },
    { name: "never where nothing counts", fates: "x".repeat(50), out: false, rule: { consecutiveErrors: 0 } },
    { name: "at the first error, if so configured", fates: "x", out: true, rule: { consecutiveErrors: 1 } },
  ];
  for (const { name, fates, out, rule } of cases) {
    it(`${name}: ${fates}`, () => {
      const on = among(3, rule);
      on.send("a", fates);
      assert.equal(on.candidates(), out ? "b c" : "a b c");
      assert.equal(isPicked(on, "a"), !out);
    });
  }

  const codes: readonly [ErrorCode, isBackends: boolean][] = [
    ["connection_refused", true],
    ["connection_timeout", true],
    ["http_response_timeout", true],
    ["connection_terminated", true],
    ["http_protocol_error", true],
    ["tls_error", true],
    ["dns_error", true],
    ["not_supported", false],
    ["proxy_internal_error", false],
    ["proxy_loop_detected", false],
    ["body_too_large", false],
    ["connection_limit_reached", false],
    ["destination_unavailable", false],
  ];
  for (const [code, isBackends] of codes) {
    it(`${isBackends ? "for" : "not for"} ${code}`, () => {
      const on = among(3);
      for (let request = 0; request < 10; request++) on.pick({ wanted: "a" })?.done(failure(code));
      assert.equal(on.candidates(), isBackends ? "b c" : "a b c");
    });
  }

  it("never where it is off", () => {
    const on = among(3, {}, { outlierDetection: false });
    on.send("a", "x".repeat(50));
    assert.equal(on.candidates(), "a b c");
    assert.deepEqual(on.events, []);
  });

  it("with what the log should say", () => {
    const on = among(3);
    on.send("a", "ggggg");
    assert.deepEqual(on.events, [{ kind: "ejected", id: "a", reason: "status 503", forMs: 30_000 }]);
    on.now += 30_000;
    on.send("a", ".");
    assert.deepEqual(on.events.at(-1), { kind: "returned", id: "a" });
    on.send("a", "xxxxx");
    assert.equal((on.events.at(-1) as { reason: string }).reason, "connection_refused");
  });

  it("counts a request that ends twice once", () => {
    const on = among(3);
    for (let request = 0; request < 4; request++) {
      const pick = on.pick({ wanted: "a" })!;
      pick.answered(502);
      pick.done(failure("http_response_incomplete"));
      pick.done(failure());
    }
    assert.equal(on.candidates(), "a b c");
  });

  it("not by an end that says nothing: neither a head nor an error", () => {
    const on = among(3);
    on.send("a", "xxxx");
    on.pick({ wanted: "a" })!.done();
    assert.equal(on.candidates(), "a b c");
    on.send("a", "x");
    assert.equal(on.candidates(), "b c");
  });
});

describe("how many are ejected", () => {
  const cases: readonly { backends: number; percent: number; out: number }[] = [
    { backends: 1, percent: 100, out: 0 },
    { backends: 2, percent: 49, out: 0 },
    { backends: 2, percent: 50, out: 1 },
    { backends: 2, percent: 100, out: 1 },
    { backends: 3, percent: 50, out: 1 },
    { backends: 4, percent: 50, out: 2 },
    { backends: 10, percent: 29, out: 2 },
    { backends: 10, percent: 30, out: 3 },
    { backends: 10, percent: 100, out: 9 },
    { backends: 10, percent: 0, out: 0 },
  ];
  for (const { backends, percent, out } of cases) {
    it(`${out} of ${backends} at ${percent} %`, () => {
      const on = among(backends, { maxEjectionPercent: percent });
      for (const { id } of on.pool.backends) on.send(id, "xxxxx");
      for (const { id } of on.balancer.candidates(on.pool)) on.send(id, "xxx");
      assert.equal(on.balancer.candidates(on.pool).length, backends - out);
    });
  }

  it("has those on probation among them", () => {
    const on = among(4);
    for (const id of ["a", "b"]) on.send(id, "xxxxx");
    on.now += 30_000;
    assert.equal(on.candidates(), "a b c d");
    on.send("c", "xxxxx");
    assert.equal(on.candidates(), "a b c d");
    on.send("a", ".");
    on.send("c", "x");
    assert.equal(on.candidates(), "a b d");
  });

  it("never has the last that serves among them: others are unhealthy, on probation or drained", () => {
    const on = among(5, { maxEjectionPercent: 100 });
    const [a, b, c, d, e] = on.pool.backends;
    on.send("a", "xxxxx");
    on.now += 30_000;
    const trial = on.pick({ wanted: "a" })!;
    on.setHealth({ b: "unhealthy" });
    on.setBackends(a!, b!, { ...c!, weight: 0 }, { ...d!, state: "maintenance" }, e!);
    on.send("e", "x".repeat(20));
    assert.equal(on.candidates(), "e");
    settle(trial, ".");
    on.send("e", "x");
    assert.equal(on.candidates(), "a");
  });

  it("counts backups as somebody left", () => {
    const on = stage([backend("a"), backend("b", { priority: 1 })], { random: exact });
    on.send("a", "xxxxx");
    assert.equal(on.candidates(), "b");
    on.send("b", "x".repeat(20));
    assert.equal(on.candidates(), "b");
  });

  it("goes by the pool as it is, and not as it was when the request began", () => {
    const on = among(2);
    on.send("a", "xxxx");
    const pick = on.pick({ wanted: "a" })!;
    on.setHealth({ b: "unhealthy" });
    assert.equal(on.candidates(), "a");
    settle(pick, "x");
    assert.equal(on.candidates(), "a");
  });

  it("lets the next be ejected with its next error, once there is room", () => {
    const on = among(2);
    on.send("a", "xxxxx");
    on.send("b", "x".repeat(10));
    assert.equal(on.candidates(), "b");
    on.now += 30_000;
    on.send("a", ".");
    on.send("b", "x");
    assert.equal(on.candidates(), "a");
  });
});

describe("where ejections leave nobody", () => {
  /** Two: a is ejected, and b found unhealthy after that. */
  function alone(): Stage {
    const on = among(2);
    on.send("a", "xxxxx");
    on.setHealth({ b: "unhealthy" });
    return on;
  }

  it("the pool has no candidates, and yet its requests go to who is out by ejection alone", () => {
    const on = alone();
    assert.equal(on.candidates(), "-");
    assert.equal(on.pick()?.backend.id, "a");
    assert.equal(on.pick({ tried: new Set(["a"]) }), undefined);
  });

  it("what becomes of them neither ends the ejection nor makes it longer", () => {
    const on = alone();
    for (const fate of ["x", "x", "x", "x", "x", ".", "."] as const) settle(on.pick()!, fate);
    assert.equal(on.candidates(), "-");
    assert.equal(on.events.length, 1);
  });

  it("they still go there while its probation is under way", () => {
    const on = alone();
    on.now += 30_000;
    assert.equal(on.candidates(), "a");
    const trial = on.pick()!;
    assert.equal(on.candidates(), "-");
    settle(on.pick()!, "x");
    settle(trial, ".");
    assert.equal(on.candidates(), "a");
  });

  it("nobody serves where nobody is healthy", () => {
    const on = alone();
    on.setHealth({ a: "unhealthy", b: "unhealthy" });
    assert.equal(on.pick(), undefined);
  });
});

describe("how long it is out", () => {
  /** How long each ejection lasts: probations that fail at once. */
  function times(rule: Partial<EjectionRule>, count: number, random = exact): number[] {
    const on = stage(equal(2), { random, outlierDetection: { ...ejectionRule, ...rule } });
    on.send("a", "xxxxx");
    for (let ejection = 1; ejection < count; ejection++) {
      on.now += (on.events.at(-1) as { forMs: number }).forMs;
      on.send("a", "x");
    }
    return on.events.map((event) => (event as { forMs: number }).forMs);
  }

  it("grows with each in a row up to the longest", () => {
    assert.deepEqual(times({}, 12).slice(0, 8), [30, 60, 90, 120, 150, 180, 210, 240].map((s) => s * 1_000));
    assert.deepEqual(times({ baseEjectionTime: 1_000, maxEjectionTime: 1_500 }, 4), [1_000, 1_350, 1_350, 1_350]);
  });

  it("is spread by a tenth, and never longer than the longest", () => {
    for (let seed = 0; seed < 20; seed++) {
      times({}, 14, seededRandom(seed)).forEach((ms, index) => {
        const [least, most] = [Math.min((index + 1) * 30_000, 270_000), Math.min((index + 1) * 33_000, 300_000)];
        assert.ok(ms >= least && ms <= most, `ejection ${index + 1}: ${ms}`);
      });
    }
    const firsts = new Set(Array.from({ length: 20 }, (_, seed) => times({}, 1, seededRandom(seed))[0]));
    const longest = new Set(Array.from({ length: 20 }, (_, seed) => times({}, 14, seededRandom(seed))[13]));
    assert.ok(firsts.size > 15 && longest.size > 15);
  });

  it("grows too when nobody asked for long after its time", () => {
    const on = among(2);
    on.send("a", "xxxxx");
    on.now += 10_000_000;
    on.send("a", "x");
    assert.equal((on.events.at(-1) as { forMs: number }).forMs, 60_000);
  });

  it("grows too when the probation takes longer to fail than the ejection took", () => {
    const on = among(2, { baseEjectionTime: 1_000 });
    on.send("a", "xxxxx");
    on.now += 1_000;
    const trial = on.pick({ wanted: "a" })!;
    on.now += 20_000;
    settle(trial, "x");
    assert.equal((on.events.at(-1) as { forMs: number }).forMs, 2_000);
  });

  const returns = [
    { name: "sooner than it had been out is in a row", afterMs: 29_999, forMs: 60_000 },
    { name: "later begins anew", afterMs: 30_000, forMs: 30_000 },
  ];
  for (const { name, afterMs, forMs } of returns) {
    it(`one after the return: ${name}`, () => {
      const on = among(2);
      on.send("a", "xxxxx");
      on.now += 100_000;
      on.send("a", ".");
      on.now += afterMs;
      on.send("a", "xxxxx");
      assert.equal((on.events.at(-1) as { forMs: number }).forMs, forMs);
    });
  }

  it("does not grow by what began before it", () => {
    const on = among(3);
    const late = Array.from({ length: 20 }, () => on.pick({ wanted: "a" })!);
    on.send("a", "xxxxx");
    for (const pick of late.splice(0, 10)) settle(pick, "x");
    on.now += 30_000;
    assert.equal(on.candidates(), "a b c");
    const trial = on.pick({ wanted: "a" })!;
    for (const pick of late.splice(0, 3)) settle(pick, "x");
    for (const pick of late.splice(0, 1)) settle(pick, ".");
    assert.equal(on.candidates(), "b c");
    settle(trial, ".");
    for (const pick of late) settle(pick, "x");
    assert.equal(on.candidates(), "a b c");
    assert.deepEqual(on.events.map(({ kind }) => kind), ["ejected", "returned"]);
  });

  it("stays the same when the clock is put back, and ends when it is put forward", () => {
    const on = among(3);
    on.send("a", "xxxxx");
    on.now -= 3_600_000;
    assert.equal(on.candidates(), "b c");
    on.now += 29_999;
    assert.equal(on.candidates(), "b c");
    on.now += 1;
    assert.equal(on.candidates(), "a b c");
    on.send("a", "x");
    on.now += 3_600_000;
    assert.equal(on.candidates(), "a b c");
  });
});

describe("on its return", () => {
  /** Three of which a was out, and its time is over. */
  function probation(rule: Partial<EjectionRule> = {}): Stage {
    const on = among(3, rule);
    on.send("a", "xxxxx");
    on.now += 29_999;
    assert.equal(on.candidates(), "b c");
    on.now += 1;
    assert.equal(on.candidates(), "a b c");
    return on;
  }

  it("a backend gets one request, and the others go elsewhere until that has ended", () => {
    const on = probation();
    const trial = on.pick({ wanted: "a" })!;
    assert.equal(on.candidates(), "b c");
    assert.equal(isPicked(on, "a"), false);
    trial.answered(200);
    assert.equal(isPicked(on, "a"), false);
    trial.done();
    assert.equal(on.candidates(), "a b c");
    assert.equal(isPicked(on, "a"), true);
  });

  it("the request comes from any rotation, not only from a session", () => {
    const on = probation();
    const picks = Array.from({ length: 12 }, () => on.pick()!.backend.id);
    assert.equal(picks.filter((id) => id === "a").length, 1);
  });

  const outcomes: readonly { name: string; fates: string; candidates: string; rule?: Partial<EjectionRule> }[] = [
    { name: "an answer", fates: ".", candidates: "a b c" },
    { name: "a plain 500 where those do not count", fates: "5", candidates: "a b c" },
    { name: "a plain 500 where those count", fates: "5", candidates: "b c", rule: { consecutive5xx: 5 } },
    { name: "an error", fates: "x", candidates: "b c" },
    { name: "a 503", fates: "g", candidates: "b c" },
    { name: "an answer that breaks off", fates: "b", candidates: "b c" },
    { name: "a client that leaves, and then an answer", fates: "aaa.", candidates: "a b c" },
    { name: "a client that leaves, and then an error", fates: "aaax", candidates: "b c" },
    { name: "four errors after its answer", fates: ".xxxx", candidates: "a b c" },
    { name: "five errors after its answer", fates: ".xxxxx", candidates: "b c" },
  ];
  for (const { name, fates, candidates, rule } of outcomes) {
    it(`${candidates === "b c" ? "it is ejected again by" : "it is back after"} ${name}`, () => {
      const on = probation(rule);
      on.send("a", fates);
      assert.equal(on.candidates(), candidates);
      if (candidates === "b c") assert.equal((on.events.at(-1) as { forMs: number }).forMs, 60_000);
    });
  }

  it("the next request is asked when the client leaves before the head", () => {
    const on = probation();
    const trial = on.pick({ wanted: "a" })!;
    assert.equal(on.candidates(), "b c");
    settle(trial, "a");
    assert.equal(on.candidates(), "a b c");
    on.pick({ wanted: "a" });
    assert.equal(on.candidates(), "b c");
  });

  it("a client that leaves after a good head has seen enough", () => {
    const on = probation();
    const trial = on.pick({ wanted: "a" })!;
    trial.answered(200);
    trial.done(failure("client_aborted"));
    assert.equal(on.candidates(), "a b c");
    assert.equal(on.events.at(-1)?.kind, "returned");
  });

  it("an answer that streams on holds it back for half a minute, and counts as one error if it breaks off then", () => {
    const on = probation();
    const trial = on.pick({ wanted: "a" })!;
    trial.answered(200);
    on.now += 29_999;
    assert.equal(on.candidates(), "b c");
    on.now += 1;
    assert.equal(on.candidates(), "a b c");
    assert.equal(on.events.at(-1)?.kind, "returned");
    trial.done(failure("http_response_incomplete"));
    on.send("a", "xxx");
    assert.equal(on.candidates(), "a b c");
    on.send("a", "x");
    assert.equal(on.candidates(), "b c");
  });

  it("nobody waits for ever for a request that is not asked for: who serves in its place may be ejected", () => {
    const on = stage([backend("a"), backend("b", { priority: 1 })], { random: exact });
    on.setBackends(backend("a", { state: "maintenance" }), backend("b"), backend("c"));
    on.send("b", "xxxxx");
    on.setBackends(backend("a"), backend("b", { priority: 1 }));
    on.now += 30_000;
    on.send("a", "xxxxx");
    assert.equal(on.candidates(), "a");
    on.now += 29_999;
    on.send("a", "x");
    assert.equal(on.candidates(), "a");
    on.now += 1;
    on.send("a", "x");
    assert.equal(on.candidates(), "b");
    assert.deepEqual(on.events.map(({ kind, id }) => `${kind} ${id}`), ["ejected b", "returned b", "ejected a"]);
  });

  it("a request that gets no answer at all is replaced after half a minute, and the last one asked decides", () => {
    const on = probation();
    const lost = on.pick({ wanted: "a" })!;
    on.now += 30_000;
    assert.equal(on.candidates(), "a b c");
    const next = on.pick({ wanted: "a" })!;
    assert.equal(on.candidates(), "b c");
    settle(lost, "x");
    assert.equal(on.events.length, 1);
    settle(next, ".");
    assert.equal(on.candidates(), "a b c");
  });
});

describe("an active check", () => {
  const cases: readonly { name: string; begunAfterMs: number; ends: boolean }[] = [
    { name: "that began before the ejection does not end it", begunAfterMs: -1, ends: false },
    { name: "that may have begun before the ejection does not end it", begunAfterMs: 0, ends: false },
    { name: "that began after the ejection ends it", begunAfterMs: 1, ends: true },
  ];
  for (const { name, begunAfterMs, ends } of cases) {
    it(name, () => {
      const on = among(3);
      on.send("a", "xxxxx");
      const begunAt = on.now + begunAfterMs;
      on.now += 100;
      on.balancer.checkPassed("a", begunAt);
      assert.equal(on.candidates(), ends ? "a b c" : "b c");
    });
  }

  it("ends a probation too, and its request is then one of many", () => {
    const on = among(3);
    on.send("a", "xxxxx");
    on.now += 30_000;
    const trial = on.pick({ wanted: "a" })!;
    on.balancer.checkPassed("a", on.now);
    assert.equal(on.candidates(), "a b c");
    settle(trial, "x");
    assert.equal(on.candidates(), "a b c");
  });

  it("changes nothing for who is in, or for who is not known", () => {
    const on = among(3);
    on.send("a", "xxxx");
    on.now += 1;
    on.balancer.checkPassed("a", on.now);
    on.balancer.checkPassed("z", on.now);
    on.send("a", "x");
    assert.deepEqual(on.events.map(({ kind }) => kind), ["ejected"]);
  });

  it("that brought it back does not forgive: the next ejection is longer", () => {
    const on = among(3);
    on.send("a", "xxxxx");
    on.now += 1_000;
    on.balancer.checkPassed("a", on.now);
    on.send("a", "xxxxx");
    assert.equal((on.events.at(-1) as { forMs: number }).forMs, 60_000);
  });
});

describe("what was seen under an id", () => {
  const others = equal(3).slice(1);
  const changes = [
    { name: "its URL changes", to: [backend("a", { url: "http://other.test" }), ...others] },
    { name: "it is removed and added again", to: [...others] },
  ];
  for (const { name, to } of changes) {
    it(`is forgotten when ${name}`, () => {
      const on = among(3);
      const late = Array.from({ length: 20 }, () => on.pick({ wanted: "a" })!);
      on.send("a", "xxxxx");
      on.setBackends(...to);
      on.candidates();
      if (to.length === 2) on.setBackends(...equal(3));
      assert.equal(on.candidates(), "a b c");
      for (const pick of late) settle(pick, "x");
      on.send("a", "xxxx");
      assert.equal(on.candidates(), "a b c");
      on.send("a", "x");
      assert.equal((on.events.at(-1) as { forMs: number }).forMs, 30_000);
    });
  }

  it("stays when anything else changes", () => {
    const on = among(3);
    on.send("a", "xxxxx");
    on.setBackends(backend("a", { weight: 7 }), ...others);
    assert.equal(on.candidates(), "b c");
  });
});
