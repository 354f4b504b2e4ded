import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { policies } from "../../src/core/policies/index.ts";
import { createSlowStart, type SlowStartRule } from "../../src/core/slow-start.ts";
import { backend, seededRandom, weighted } from "../support/arbitraries.ts";
import { ejectionRule, type Stage, stage } from "../support/balancing.ts";

const rule: SlowStartRule = { window: 20_000, aggression: 1, minWeightPercent: 10 };

const weights = (on: Stage) => on.balancer.candidates(on.pool).map(({ weight }) => Math.round(weight * 1000) / 1000);

describe("the weight of who has come back", () => {
  it("grows in twenty steps from the least to the whole", () => {
    const starts = createSlowStart(rule);
    const list = weighted(8);
    starts.begin("a", 0);
    const seen: number[] = [];
    for (let now = 0; now <= 20_000; now += 10) {
      const { weight } = starts.weigh(list, now)[0]!;
      if (seen.at(-1) !== weight) seen.push(weight);
    }
    const expected = Array.from({ length: 19 }, (_, index) => 8 * Math.max(0.1, (index + 2) / 20));
    assert.deepEqual(seen.map((weight) => weight.toFixed(6)), expected.map((weight) => weight.toFixed(6)));
  });

  it("is weight * max(minWeightPercent, (time / window) ** (1 / aggression)), for any rule and time", () => {
    const rules = fc.record({
      window: fc.integer({ min: 1, max: 1_000_000 }),
      aggression: fc.double({ min: 0.1, max: 10, noNaN: true }),
      minWeightPercent: fc.double({ min: 5, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(rules, fc.double({ min: 0.05, max: 1.5, noNaN: true }), (drawn, part) => {
        const starts = createSlowStart(drawn);
        const list = weighted(3, 5);
        starts.begin("a", 1_000);
        const elapsed = Math.ceil(part * drawn.window);
        const share = elapsed >= drawn.window
          ? 1
          : Math.max(drawn.minWeightPercent / 100, (elapsed / drawn.window) ** (1 / drawn.aggression));
        const [a, b] = starts.weigh(list, 1_000 + elapsed);
        assert.ok(Math.abs(a!.weight - 3 * share) < 1e-9);
        assert.equal(b, list[1]);
      }),
    );
  });

  it("is never 0, whatever the least percentage", () => {
    for (const aggression of [0.1, 1, 10]) {
      const starts = createSlowStart({ window: 1_000, aggression, minWeightPercent: 0 });
      starts.begin("a", 0);
      for (let now = 0; now < 1_000; now++) assert.ok(starts.weigh(weighted(1), now)[0]!.weight > 0);
    }
  });

  it("is whole at once without a window", () => {
    const starts = createSlowStart({ ...rule, window: 0 });
    const list = weighted(1);
    starts.begin("a", 0);
    assert.equal(starts.weigh(list, 0), list);
  });

  it("leaves the same array between its steps, and the list itself at its end", () => {
    const starts = createSlowStart(rule);
    const list = weighted(1, 1);
    assert.equal(starts.weigh(list, 0), list);
    starts.begin("a", 0);
    const lists = new Set<unknown>();
    for (let now = 0; now < 20_000; now++) lists.add(starts.weigh(list, now));
    assert.ok(lists.size <= 20 && !lists.has(list), `${lists.size} lists`);
    assert.equal(starts.weigh(list, 20_000), list);
    assert.equal(starts.weigh(list, 0), list);
  });

  it("is whole at the end of the window, whenever it was asked for last", () => {
    const starts = createSlowStart(rule);
    const list = weighted(1);
    starts.begin("a", 0);
    assert.ok(starts.weigh(list, 19_999)[0]!.weight < 1);
    assert.equal(starts.weigh(list, 20_000), list);
  });

  it("leaves the array alone when somebody comes back who is not in it", () => {
    const starts = createSlowStart(rule);
    const list = weighted(1, 1);
    starts.begin("z", 0);
    for (let now = 0; now < 30_000; now += 100) assert.equal(starts.weigh(list, now), list);
  });

  it("changes few times a window however many come back at different times", () => {
    const starts = createSlowStart(rule);
    const list = weighted(...Array.from({ length: 100 }, () => 1));
    const lists = new Set<unknown>();
    for (let index = 0; index < 100; index++) starts.begin(list[index]!.id, index);
    for (let now = 100; now < 20_000; now++) lists.add(starts.weigh(list, now));
    assert.ok(lists.size <= 21, `${lists.size} lists`);
  });

  it("begins anew when the clock is put back, and is whole a window later", () => {
    const starts = createSlowStart({ ...rule, aggression: 2 });
    const list = weighted(1);
    starts.begin("a", 3_600_000);
    starts.weigh(list, 3_605_000);
    assert.equal(starts.weigh(list, 0)[0]!.weight.toFixed(3), (0.05 ** 0.5).toFixed(3));
    assert.equal(starts.weigh(list, 20_000), list);
  });
});

describe("slow start", () => {
  const on = (changes: Partial<SlowStartRule> = {}) =>
    stage(weighted(1, 1, 1), { slowStart: { ...rule, ...changes }, random: () => 0 });

  it("is not at the start of the process, whoever is healthy or not", () => {
    const made = on();
    made.setHealth({ a: "healthy", b: "unhealthy" });
    assert.deepEqual(weights(made), [1, 1]);
    made.now += 100;
    assert.deepEqual(weights(made), [1, 1]);
  });

  it("is not for who is added, or for another backend under an old id", () => {
    const made = on();
    made.setHealth({ a: "unhealthy" });
    assert.deepEqual(weights(made), [1, 1]);
    made.setBackends(...weighted(1, 1, 1, 1));
    assert.deepEqual(weights(made), [1, 1, 1]);
    made.setBackends(backend("a", { url: "http://other.test" }), ...weighted(1, 1, 1).slice(1));
    made.setHealth({});
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is after a recovery by checks", () => {
    const made = on();
    made.setHealth({ a: "unhealthy" });
    assert.deepEqual(weights(made), [1, 1]);
    made.setHealth({ a: "healthy" });
    assert.deepEqual(weights(made), [0.1, 1, 1]);
    made.now += 10_000;
    assert.deepEqual(weights(made), [0.5, 1, 1]);
    made.now += 10_000;
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is after an outage in which nobody asked, from the first request on", () => {
    const made = on();
    made.setHealth({ a: "healthy", b: "healthy" });
    assert.deepEqual(weights(made), [1, 1, 1]);
    const before = made.pool.health;
    made.now += 60_000;
    made.setHealth({ a: "unhealthy" });
    made.now += 60_000;
    made.setHealth({ a: "healthy" });
    made.pool = { ...made.pool, health: { ...before, ...made.pool.health } };
    made.now += 60_000;
    assert.deepEqual(weights(made), [0.1, 1, 1]);
    made.now += 10_000;
    made.pool = { ...made.pool, health: { ...made.pool.health, a: { ...made.pool.health["a"]!, streak: 1 } } };
    assert.deepEqual(weights(made), [0.5, 1, 1], "a sweep that turns nobody begins nothing anew");
    made.now += 10_000;
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is not for who is found healthy for the first time, whenever that is", () => {
    const made = on();
    assert.deepEqual(weights(made), [1, 1, 1]);
    made.now += 60_000;
    made.setHealth({ a: "healthy", b: "healthy" });
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is not for who is found healthy under the id of another", () => {
    const made = on();
    made.setHealth({ a: "healthy" });
    assert.deepEqual(weights(made), [1, 1, 1]);
    made.now += 60_000;
    made.setBackends(backend("a", { url: "http://other.test" }), ...weighted(1, 1, 1).slice(1));
    made.setHealth({ a: "healthy" });
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is after an ejection: from the end of the probation, and not before its request", () => {
    const made = on();
    made.send("a", "xxxxx");
    made.now += 30_000;
    assert.deepEqual(weights(made), [1, 1, 1]);
    made.send("a", ".");
    assert.deepEqual(weights(made), [0.1, 1, 1]);
    made.now += 20_000;
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is after an ejection that a check ended", () => {
    const made = on();
    made.send("a", "xxxxx");
    assert.deepEqual(weights(made), [1, 1]);
    made.now += 1;
    made.balancer.checkPassed("a", made.now);
    assert.deepEqual(weights(made), [0.1, 1, 1]);
  });

  it("ends for a backend that another one replaces", () => {
    const made = on();
    made.setHealth({ a: "unhealthy" });
    made.candidates();
    made.setHealth({});
    assert.deepEqual(weights(made), [0.1, 1, 1]);
    made.setBackends(backend("a", { url: "http://other.test" }), ...weighted(1, 1, 1).slice(1));
    assert.deepEqual(weights(made), [1, 1, 1]);
  });

  it("is after maintenance", () => {
    const made = on();
    const [a, b, c] = weighted(1, 1, 1);
    made.setBackends({ ...a!, state: "maintenance" }, b!, c!);
    assert.deepEqual(weights(made), [1, 1]);
    made.setBackends(a!, b!, c!);
    assert.deepEqual(weights(made), [0.1, 1, 1]);
  });

  it("gives every policy that spreads a share that grows, and nobody a request less", () => {
    const types = ["round-robin", "least-connections", "p2c", "random"] as const;
    for (const type of types) {
      const random = seededRandom(5);
      const made = stage(weighted(1, 1, 1), {
        slowStart: rule,
        random,
        policy: () => policies[type]({ start: "first" }),
        outlierDetection: ejectionRule,
      });
      made.setHealth({ a: "unhealthy" });
      made.candidates();
      made.setHealth({});
      /** How many of 3,000 go to a, each in flight while ten others are. */
      const share = () => {
        const open: { done(): void }[] = [];
        let got = 0;
        for (let pick = 0; pick < 3_000; pick++) {
          const made1 = made.pick()!;
          if (made1.backend.id === "a") got++;
          open.push(made1);
          if (open.length > 10) open.shift()!.done();
        }
        for (const pick of open) pick.done();
        return got;
      };
      const early = share();
      made.now += 10_000;
      const middle = share();
      made.now += 10_000;
      const late = share();
      assert.ok(early > 0 && early < middle && middle < late, `${type}: ${early}, ${middle}, ${late}`);
      assert.ok(Math.abs(late - 1_000) < 120, `${type}: ${late}`);
    }
  });
});
