import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Health } from "../../src/core/health.ts";
import { backend, nameOf, weighted } from "../support/arbitraries.ts";
import { settle, type Stage, stage } from "../support/balancing.ts";

const equal = (count: number) => weighted(...Array.from({ length: count }, () => 1));

describe("priorities", () => {
  const made = () =>
    stage([
      backend("a"),
      backend("b"),
      backend("c", { priority: 1 }),
      backend("d", { priority: 1 }),
    ], { random: () => 0, outlierDetection: { ...stageRule, maxEjectionPercent: 100 } });
  const stageRule = {
    consecutiveErrors: 1,
    consecutive5xx: 0,
    successRate: false as const,
    baseEjectionTime: 1_000,
    maxEjectionTime: 10_000,
  };

  it("let the backups serve while all of the first are ejected or unhealthy, and no longer", () => {
    const on = made();
    assert.equal(on.candidates(), "a b");
    on.send("a", "x");
    assert.equal(on.candidates(), "b");
    on.setHealth({ b: "unhealthy" });
    assert.equal(on.candidates(), "c d");
    on.now += 1_000;
    assert.equal(on.candidates(), "a");
    on.send("a", ".");
    on.setHealth({});
    assert.equal(on.candidates(), "a b");
  });

  it("let the backups serve while the probation of the only one is under way", () => {
    const on = made();
    on.setHealth({ b: "unhealthy" });
    on.send("a", "x");
    on.now += 1_000;
    const trial = on.pick()!;
    assert.equal(trial.backend.id, "a");
    assert.equal(on.candidates(), "c d");
    settle(trial, ".");
    assert.equal(on.candidates(), "a");
  });
});

describe("panic", () => {
  it("is where ejections and checks together leave too few, and ends with them", () => {
    const on = stage(equal(4), { panicThreshold: 50, random: () => 0 });
    on.setHealth({ a: "unhealthy", b: "unhealthy" });
    assert.equal(on.candidates(), "c d");
    on.send("c", "xxxxx");
    assert.equal(on.candidates(), "a b c d");
    on.setHealth({});
    assert.equal(on.candidates(), "a b d");
  });

  it("tells nothing about who is ejected and gets requests nevertheless", () => {
    const on = stage(equal(2), { panicThreshold: 100, random: () => 0 });
    on.send("a", "xxxxx");
    assert.equal(on.candidates(), "a b");
    for (let request = 0; request < 20; request++) settle(on.pick()!, request % 2 === 0 ? "x" : ".");
    assert.deepEqual(on.events.map(({ kind }) => kind), ["ejected"]);
  });
});

describe("sessions in a panic", () => {
  const sessionsOf = (on: Stage, id: string) => on.pick({ wanted: id, bound: true })?.backend.id;

  it("stay with an unhealthy backend for as long as it serves everybody, and then no longer", () => {
    const on = stage(equal(4), { panicThreshold: 75 });
    on.setHealth({ a: "unhealthy" });
    assert.deepEqual([on.candidates(), sessionsOf(on, "a")], ["b c d", undefined]);
    on.setHealth({ a: "unhealthy", b: "unhealthy" });
    assert.deepEqual([on.candidates(), sessionsOf(on, "a")], ["a b c d", "a"]);
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
    on.setHealth({ a: "unhealthy" });
    assert.equal(sessionsOf(on, "a"), undefined);
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
  });

  it("stay with an ejected backend, and tell nothing about it", () => {
    const on = stage(equal(2), { panicThreshold: 100, random: () => 0 });
    on.send("a", "xxxxx");
    on.send("a", "x.x");
    assert.deepEqual(on.events.map(({ kind }) => kind), ["ejected"]);
  });

  it("do not stay with who does not serve: of another priority, drained for long or in maintenance", () => {
    const others = [
      backend("c", { priority: 1 }),
      backend("d", { state: "drain" }),
      backend("e", { state: "maintenance" }),
    ];
    const on = stage([...equal(2), ...others], { panicThreshold: 100, drainMs: 0 });
    on.setHealth({ a: "unhealthy", c: "unhealthy" });
    assert.equal(on.candidates(), "a b");
    const kept = ["a", "b", "c", "d", "e"].filter((id) => on.balancer.keepsSessions(on.pool, id));
    assert.deepEqual(kept, ["a", "b"]);
  });

  it("stay with an ejected backend without a panic too, where only the ejected are left to choose from", () => {
    const on = stage(equal(3), { random: () => 0 });
    on.send("a", "xxxxx");
    assert.equal(sessionsOf(on, "a"), undefined);
    on.setHealth({ b: "unhealthy", c: "unhealthy" });
    assert.deepEqual([on.candidates(), on.pick()?.backend.id], ["-", "a"]);
    assert.equal(sessionsOf(on, "a"), "a");
    assert.equal(sessionsOf(on, "b"), undefined);
  });
});

describe("the list of candidates is the same array", () => {
  const same = (on: Stage, change: () => void) => {
    const before = on.balancer.candidates(on.pool);
    change();
    assert.equal(on.balancer.candidates(on.pool), before);
  };
  const health = (streak: number): Record<string, Health> => ({
    a: { status: "healthy", streak, since: 0 },
    b: { status: "unhealthy", streak, since: 0 },
  });

  it("across sweeps that change nothing, and across streaks", () => {
    const on = stage(equal(3));
    on.pool = { ...on.pool, health: health(0) };
    same(on, () => void (on.pool = { ...on.pool, health: { ...on.pool.health } }));
    same(on, () => void (on.pool = { ...on.pool, health: health(1) }));
    same(on, () => void (on.pool = { ...on.pool }));
  });

  it("across requests, their errors below the threshold, and time", () => {
    const on = stage(equal(3));
    same(on, () => on.send("a", "....xxxx"));
    same(on, () => void (on.now += 10_000_000));
    same(on, () => void (on.now -= 20_000_000));
  });

  it("across changes of who does not serve", () => {
    const on = stage([...equal(2), backend("c", { priority: 1 }), backend("d", { state: "drain" })]);
    same(on, () => on.setHealth({ c: "unhealthy" }));
    same(on, () => on.setBackends(...on.pool.backends.filter(({ id }) => id !== "c")));
    same(on, () => on.setBackends(...on.pool.backends, backend("e", { priority: 2 })));
    same(on, () => on.setBackends(...on.pool.backends.filter(({ id }) => id !== "d")));
  });

  it("and another one after a transition", () => {
    const on = stage(equal(3));
    const before = on.balancer.candidates(on.pool);
    on.send("a", "xxxxx");
    const ejected = on.balancer.candidates(on.pool);
    on.setHealth({ b: "unhealthy" });
    const unhealthy = on.balancer.candidates(on.pool);
    assert.equal(new Set([before, ejected, unhealthy]).size, 3);
  });
});

describe("a backend that drains", () => {
  const ways = [
    { name: "by its state", changes: { state: "drain" as const } },
    { name: "by a weight of 0", changes: { weight: 0 } },
  ];
  for (const { name, changes } of ways) {
    it(`${name} keeps its sessions as long as it may, and then no longer`, () => {
      const on = stage(equal(2), { drainMs: 60_000 });
      on.candidates();
      on.now += 1_000_000;
      on.setBackends(backend("a", changes), backend("b"));
      assert.equal(on.candidates(), "b");
      assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
      on.now += 59_999;
      on.setBackends(...on.pool.backends);
      assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
      on.now += 1;
      assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
      assert.equal(on.pick({ wanted: "a" })?.backend.id, "b");
    });
  }

  it("begins anew when it was active between, and not when it changes from one way to the other", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b")], { drainMs: 60_000 });
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
    on.now += 50_000;
    on.setBackends(backend("a", { weight: 0 }), backend("b"));
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
    on.now += 10_000;
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
    on.setBackends(backend("a"), backend("b"));
    on.candidates();
    on.setBackends(backend("a", { state: "drain" }), backend("b"));
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
  });

  it("keeps none that is unhealthy or ejected, and none in maintenance", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b"), backend("c")]);
    on.setHealth({ a: "unhealthy" });
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
    on.setHealth({});
    on.send("a", "xxxxx");
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
    on.setBackends(backend("a", { state: "maintenance" }), backend("b"), backend("c"));
    on.now += 30_000;
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
    assert.equal(on.balancer.keepsSessions(on.pool, "z"), false);
  });

  it("keeps none at all where it may not", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b")], { drainMs: 0 });
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
  });

  it("keeps them no longer because the clock is put back", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b")], { drainMs: 60_000 });
    on.candidates();
    on.now -= 3_600_000;
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), true);
    on.now += 60_000;
    assert.equal(on.balancer.keepsSessions(on.pool, "a"), false);
  });

  it("may be ejected without being one of those that could be picked", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b"), backend("c")]);
    on.send("a", "xxxxx");
    assert.deepEqual(on.events.map(({ id }) => id), ["a"]);
  });
});

describe("work", () => {
  it("is not quadratic: 5,000 backends that drain, come and go", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => backend(nameOf(index), { state: "drain" }));
    const on = stage(many);
    const startedAt = performance.now();
    for (let change = 0; change < 10; change++) {
      on.setBackends(...many.slice(change));
      for (let pick = 0; pick < 1_000; pick++) on.pick({ wanted: "a" });
    }
    assert.ok(performance.now() - startedAt < 2_000);
  });
});

describe("a backend that drains is empty", () => {
  const drained = (on: Stage) => on.events.filter(({ kind }) => kind === "drained").map(({ id }) => id);

  it("when nothing is in flight there any more, which is told once", () => {
    const on = stage([backend("a"), backend("b")], { drainMs: 0 });
    const [first, second] = [on.pick({ wanted: "a" })!, on.pick({ wanted: "a" })!];
    on.setBackends(backend("a", { state: "drain" }), backend("b"));
    on.pick();
    assert.deepEqual(drained(on), []);
    first.done();
    assert.deepEqual(drained(on), []);
    second.done();
    assert.deepEqual(drained(on), ["a"], "as its last request ends: another may be long in coming");
    on.pick();
    assert.deepEqual(drained(on), ["a"]);
  });

  it("not before its sessions' time is over", () => {
    const on = stage([backend("a", { weight: 0 }), backend("b")], { drainMs: 60_000 });
    on.send("a", ".");
    on.now += 59_999;
    on.pick();
    assert.deepEqual(drained(on), []);
    on.now++;
    on.pick();
    assert.deepEqual(drained(on), ["a"]);
  });

  it("again when it had come back meanwhile, or another one has its id", () => {
    const on = stage([backend("a", { state: "drain" }), backend("b")], { drainMs: 0 });
    settle(on.pick()!, ".");
    on.setBackends(backend("a"), backend("b"));
    settle(on.pick()!, ".");
    on.setBackends(backend("a", { state: "drain" }), backend("b"));
    settle(on.pick()!, ".");
    on.setBackends(backend("a", { state: "drain", url: "http://other.test" }), backend("b"));
    settle(on.pick()!, ".");
    assert.deepEqual(drained(on), ["a", "a", "a"]);
  });
});

describe("those that are fit", () => {
  it("are counted over all priorities, and a panic makes nobody fit", () => {
    const on = stage([backend("a"), backend("b"), backend("c", { priority: 1 }), backend("d", { weight: 0 })], {
      panicThreshold: 90,
    });
    assert.equal(on.balancer.fit(on.pool), 3);
    on.setHealth({ a: "unhealthy" });
    assert.deepEqual([on.balancer.fit(on.pool), on.candidates()], [2, "a b"]);
  });
});
