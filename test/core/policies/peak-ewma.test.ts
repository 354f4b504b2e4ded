import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMeters, type Meters } from "../../../src/core/meters.ts";
import { peakEwma } from "../../../src/core/policies/peak-ewma.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { seededRandom, weighted } from "../../support/arbitraries.ts";
import { isNear, pickContext, tally, type Told } from "../../support/pick-context.ts";

const decayMs = 10_000;
const floorShare = 0.02;

/** How often the first of these backends is picked, of 20,000 picks. */
function picksOfFirst(told: Told, ...weights: readonly number[]): number {
  return tally(peakEwma({}), weighted(...weights), pickContext({ random: seededRandom(1), ...told }), 20_000)["a"]!;
}

describe("peak EWMA", () => {
  const byChance = (share: number) => floorShare * share;
  const cases: { name: string; told: Told; weights?: number[]; share: number }[] = [
    { name: "prefers who answers sooner", told: { latencyMs: { a: 10, b: 11 } }, share: 1 - byChance(0.5) },
    {
      name: "leaves who answers later its floor share",
      told: { latencyMs: { a: 5_000, b: 10, c: 10, d: 10 } },
      weights: [1, 1, 1, 1],
      share: byChance(0.25),
    },
    {
      name: "leaves who is light and answers later its floor share by weight",
      told: { latencyMs: { a: 5_000, b: 10 } },
      weights: [1, 4],
      share: byChance(0.2),
    },
    {
      name: "prefers who answers later, as soon as more wait at the other one than that is worth",
      told: { latencyMs: { a: 100, b: 10 }, inFlight: { b: 10 } },
      share: 1 - byChance(0.5),
    },
    {
      name: "goes by the weights where all else is the same",
      told: { latencyMs: { a: 10, b: 10 }, inFlight: { a: 3, b: 3 } },
      weights: [2, 1],
      share: 1 - byChance(1 / 3),
    },
    { name: "tries who is idle and unknown", told: { latencyMs: { b: 1 } }, share: 1 - byChance(0.5) },
    {
      name: "does not give everything to who is unknown and has something to answer first",
      told: { latencyMs: { b: 10 }, inFlight: { a: 1, b: 1 } },
      share: byChance(0.5),
    },
    {
      name: "shares by weight where nothing is known at all",
      told: {},
      weights: [3, 1],
      share: 0.75,
    },
  ];
  for (const { name, told, weights = [1, 1], share } of cases) {
    it(name, () => {
      const count = picksOfFirst(told, ...weights);
      assert.ok(isNear(count, share, 20_000), `${count} is not ${share} of 20,000`);
    });
  }

  it("avoids who has failed a moment ago, though it did so at once", () => {
    const meters = createMeters(decayMs);
    meters.learn("a", undefined, 0);
    meters.learn("b", 200, 0);
    const context = { ...pickContext({ now: 1_000 }), meter: meters.of };
    assert.ok(tally(peakEwma({}), weighted(1, 1), context, 1_000)["a"]! < 30);
  });

  it("does not run to who was slow and then idle until it has answered", () => {
    const meters = createMeters(decayMs);
    meters.learn("a", 5_000, 0);
    // Seconds in which what is left of the five goes from more than the other one takes to less, and to nothing.
    for (const seconds of [25, 29, 31, 60, 120]) {
      meters.learn("b", 250, seconds * 1_000);
      const context = { ...pickContext({ now: seconds * 1_000 }), meter: meters.of };
      const policy = peakEwma({});
      for (let pick = 0; pick < 1_000; pick++) {
        const { id } = policy(asCandidates(weighted(1, 1)), context);
        meters.begin(id);
        if (id === "b") meters.end("b");
      }
      const { inFlight } = meters.of("a");
      assert.ok(inFlight < 30, `${inFlight} wait there ${seconds} s later`);
      while (meters.of("a").inFlight > 0) meters.end("a");
    }
  });
});

describe("peak EWMA, among ten backends at 100 requests a second", () => {
  const list = asCandidates(weighted(...Array.from({ length: 10 }, () => 1)));

  it("keeps off the slow one, finds out when it has become as fast as the others, and off it again when it is slow", () => {
    const took = (id: string, now: number) => (id === "c" && (now < 60_000 || now >= 180_000) ? 2_000 : 20);
    const shares = simulate(240_000, took);
    const shareOfC = (from: number, to: number) =>
      shares.slice(from, to).reduce((sum, share) => sum + share, 0) / (to - from);
    assert.ok(shareOfC(1, 6) < 0.02, `slow: ${shareOfC(1, 6)}`);
    assert.ok(shareOfC(1, 6) > 0.001, `slow, but not forgotten: ${shareOfC(1, 6)}`);
    assert.ok(shareOfC(12, 18) > 0.05, `fast: ${shareOfC(12, 18)}`);
    assert.ok(shareOfC(19, 24) < 0.02, `slow again: ${shareOfC(19, 24)}`);
  });

  /** The share of picks that "c" has in each 10 s. @param took milliseconds for a request that begins `now` */
  function simulate(untilMs: number, took: (id: string, now: number) => number): readonly number[] {
    const meters: Meters = createMeters(decayMs);
    const told: Told = { random: seededRandom(4), now: 0 };
    const context = { ...pickContext(told), meter: meters.of };
    const policy = peakEwma({});
    const pending: { readonly id: string; readonly begun: number; readonly ends: number }[] = [];
    const shares = Array.from({ length: untilMs / 10_000 }, () => 0);
    for (let now = 0; now < untilMs; now += 10) {
      const over = pending.filter(({ ends }) => ends <= now).sort((one, other) => one.ends - other.ends);
      for (const request of over) {
        pending.splice(pending.indexOf(request), 1);
        meters.end(request.id);
        meters.learn(request.id, request.ends - request.begun, request.ends);
      }
      told.now = now;
      const { id } = policy(list, context);
      meters.begin(id);
      pending.push({ id, begun: now, ends: now + took(id, now) });
      if (id === "c") shares[Math.floor(now / 10_000)]! += 1 / 1_000;
    }
    return shares;
  }
});
