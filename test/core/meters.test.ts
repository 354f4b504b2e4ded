import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMeters } from "../../src/core/meters.ts";

describe("what is in flight", () => {
  it("is counted by backend and for all", () => {
    const meters = createMeters();
    for (const id of ["a", "b", "a"]) meters.begin(id);
    assert.deepEqual([meters.of("a").inFlight, meters.of("b").inFlight, meters.inFlight()], [2, 1, 3]);
    meters.end("a");
    assert.deepEqual([meters.of("a").inFlight, meters.of("b").inFlight, meters.inFlight()], [1, 1, 2]);
  });

  it("is told by one object for good, so that tables may hold it", () => {
    const meters = createMeters();
    const meter = meters.of("a");
    meters.begin("a");
    assert.equal(meters.of("a"), meter);
    assert.equal(meter.inFlight, 1);
  });
});

describe("a latency", () => {
  const decayMs = 10_000;
  /** What is known of a backend at the end, after answers at these moments: [now, elapsedMs]. */
  function known(answers: readonly (readonly [number, number | undefined])[], now: number, decay = decayMs): number {
    const meters = createMeters(decay);
    for (const [at, elapsedMs] of answers) meters.learn("a", elapsedMs, at);
    return meters.of("a").latencyMs(now);
  }
  const near = (value: number, expected: number, tolerance = 1e-9) =>
    assert.ok(Math.abs(value - expected) <= tolerance * Math.max(1, expected), `${value} is not ${expected}`);

  it("is 0 as long as nothing was seen", () => assert.equal(known([], 5_000), 0));

  it("peaks at once", () => assert.equal(known([[0, 10], [1, 800]], 1), 800));

  it("comes down slowly: after a decay, a third of what was seen and two thirds of what is seen", () => {
    near(known([[0, 1_000], [decayMs, 100]], decayMs), 1_000 / Math.E + 100 * (1 - 1 / Math.E));
  });

  it("fades while nothing is seen: to a third after a decay", () => {
    near(known([[0, 1_000]], decayMs), 1_000 / Math.E);
  });

  it("is unknown when nothing was seen for three decays: the rest of a long one must not pass for a short one", () => {
    assert.ok(known([[0, 5_000]], 3 * decayMs) > 200);
    assert.equal(known([[0, 5_000]], 3 * decayMs + 1), 0);
    assert.equal(known([[0, 5_000], [4 * decayMs, 20]], 4 * decayMs), 20);
  });

  it("of a failure is that of five seconds", () => assert.equal(known([[0, 10], [1, undefined]], 1), 5_000));

  it("is what it always was where it always was the same", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 60_000 }), fc.array(fc.nat(20_000)), (elapsedMs, pauses) => {
      let now = 0;
      const answers = pauses.map((pause) => [now += pause, elapsedMs] as const);
      near(known([[0, elapsedMs], ...answers], now), elapsedMs, 1e-6);
    }));
  });

  it("is never longer than the longest and never shorter than the shortest, at the moment of an answer", () => {
    const answer = fc.tuple(fc.nat(5_000), fc.integer({ min: 1, max: 60_000 }));
    fc.assert(fc.property(fc.array(answer, { minLength: 1 }), (pauses) => {
      let now = 0;
      const answers = pauses.map(([pause, elapsedMs]) => [now += pause, elapsedMs] as const);
      const seen = answers.map(([, elapsedMs]) => elapsedMs);
      const value = known(answers, now);
      assert.ok(value >= Math.min(...seen) * (1 - 1e-9) && value <= Math.max(...seen) * (1 + 1e-9), `${value}`);
    }));
  });

  it("of an answer within the clock's step is short, and not unknown", () => {
    const value = known([[0, 0]], 0);
    assert.ok(value > 0 && value < 1, `${value}`);
  });

  it("is never below 0 where the clock went back", () => {
    assert.ok(known([[10_000, 50], [20_000, -9_000]], 20_000) > 0);
  });

  it("goes on from there where the clock went back", () => {
    const hour = 3_600_000;
    near(known([[hour, 1_000], [0, 900], [decayMs, 10]], decayMs), 1_000 / Math.E + 10 * (1 - 1 / Math.E));
  });

  it("is not kept where nobody asks for it", () => {
    const meters = createMeters();
    meters.learn("a", 100, 0);
    assert.equal(meters.of("a").latencyMs(0), 0);
  });
});

describe("a request that was given up", () => {
  it("would have taken longer: what is known grows to that, and never shrinks", () => {
    const meters = createMeters(10_000);
    meters.learnAtLeast("a", 1_000, 1_500);
    assert.equal(meters.of("a").latencyMs(1_500), 500);
    meters.learnAtLeast("a", 1_450, 1_500);
    assert.equal(meters.of("a").latencyMs(1_500), 500);
  });
});
