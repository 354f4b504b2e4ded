import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Pick as Choice } from "../../src/core/balancer.ts";
import type { Candidates, PickContext, Policy } from "../../src/core/policy.ts";
import { backend, candidateLists, randomSources, weighted } from "../support/arbitraries.ts";
import { failure, settle, stage } from "../support/balancing.ts";

/** Always the first; `see` looks over its shoulder. */
const firstOf =
  (see: (candidates: Candidates, context: PickContext) => void) => (): Policy => (candidates, context) => {
    see(candidates, context);
    return candidates[0];
  };

const equal = (count: number) => weighted(...Array.from({ length: count }, () => 1));

describe("a pick", () => {
  it("is one of the eligible and none of those that were tried", () => {
    fc.assert(
      fc.property(
        candidateLists,
        fc.array(fc.nat(7), { maxLength: 8 }),
        fc.nat(10),
        randomSources,
        (list, tried, before, random) => {
          const on = stage(list, { random });
          for (let pick = 0; pick < before; pick++) on.pick();
          const ids = new Set(tried.map((index) => list[index % list.length]!.id));
          const pick = on.pick({ tried: ids });
          assert.equal(pick === undefined, list.every(({ id }) => ids.has(id)));
          if (pick !== undefined) assert.ok(list.includes(pick.backend) && !ids.has(pick.backend.id));
        },
      ),
    );
  });

  it("does not exist when nobody is eligible", () => {
    assert.equal(stage([]).pick(), undefined);
    assert.equal(stage([]).pick({ tried: new Set(["a"]) }), undefined);
    assert.equal(stage([backend("a", { state: "maintenance" })]).pick(), undefined);
  });

  it("is the usual one when nobody was tried yet", () => {
    const on = stage(equal(3));
    assert.deepEqual(["a", "b"], [on.pick(), on.pick({ tried: new Set() })].map((pick) => pick?.backend.id));
  });
});

describe("what is in flight", () => {
  it("is counted by backend and for all, and falls to 0 in whatever order the picks end, each once or more", () => {
    const ends = fc.array(
      fc.record({
        rank: fc.double({ noNaN: true }),
        times: fc.integer({ min: 1, max: 3 }),
        fate: fc.constantFrom("." as const, "x" as const, "5" as const, "g" as const, "b" as const, "a" as const),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(candidateLists, ends, (list, order) => {
        const on = stage(list);
        const { balancer } = on;
        const picks = order.map(({ rank, times, fate }) => ({ rank, times, fate, pick: on.pick()! }));
        const open: Choice[] = picks.map(({ pick }) => pick);
        for (const { times, fate, pick } of picks.toSorted((one, other) => one.rank - other.rank)) {
          for (const { id } of list) {
            assert.equal(
              balancer.inFlight(id),
              open.filter(({ backend }) => backend.id === id).length,
            );
          }
          assert.equal(balancer.inFlight(), open.length);
          for (let time = 0; time < times; time++) settle(pick, fate);
          open.splice(open.indexOf(pick), 1);
        }
        assert.equal(balancer.inFlight(), 0);
        for (const { id } of list) assert.equal(balancer.inFlight(id), 0);
      }),
    );
  });

  it("is 0 for a backend that nobody knows", () => {
    assert.equal(stage(equal(1)).balancer.inFlight("toString"), 0);
  });

  it("is still counted when the backend has left the pool meanwhile", () => {
    const on = stage(equal(2));
    const pick = on.pick()!;
    on.setBackends(...equal(2).slice(1));
    on.pick()?.done();
    assert.equal(on.balancer.inFlight("a"), 1);
    pick.done();
    assert.equal(on.balancer.inFlight("a"), 0);
  });
});

describe("a backend at its maxRequests", () => {
  const [a, b] = [backend("a", { maxRequests: 2 }), backend("b", { maxRequests: 1 })];

  it("gets nothing more until one of its requests has ended", () => {
    const on = stage([a, b]);
    const picks = [on.pick(), on.pick(), on.pick()];
    assert.deepEqual(picks.map((pick) => pick?.backend.id), ["a", "b", "a"]);
    assert.equal(on.pick(), undefined);
    assert.equal(on.candidates(), "a b");
    picks[1]!.done();
    assert.equal(on.pick()?.backend.id, "b");
    assert.equal(on.pick(), undefined);
    picks[0]!.done();
    picks[0]!.done();
    assert.equal(on.pick()?.backend.id, "a");
    assert.equal(on.pick(), undefined);
  });

  it("gets no further try and no session either", () => {
    const on = stage([backend("a", { maxRequests: 1 }), backend("b"), backend("c", { maxRequests: 1 })]);
    on.pick({ wanted: "a" });
    assert.equal(on.pick({ wanted: "a" })?.backend.id, "b");
    on.pick({ wanted: "c" });
    assert.equal(on.pick({ tried: new Set(["b"]) }), undefined);
  });

  it("is not replaced by a backup: it is not down", () => {
    const on = stage([backend("a", { maxRequests: 1 }), backend("b", { priority: 1 })]);
    on.pick();
    assert.equal(on.pick(), undefined);
  });

  it("takes more once its limit is raised", () => {
    const on = stage([backend("a", { maxRequests: 1 })]);
    on.pick();
    on.setBackends(backend("a", { maxRequests: 2 }));
    assert.equal(on.pick()?.backend.id, "a");
    assert.equal(on.pick(), undefined);
  });

  it("leaves the policy the same list while the same ones are full", () => {
    const seen = new Set<unknown>();
    const policy = firstOf((candidates) => seen.add(candidates));
    const on = stage([backend("c", { maxRequests: 1 }), backend("a"), backend("b")], { policy });
    for (let round = 0; round < 3; round++) {
      const open = Array.from({ length: 10 }, () => on.pick()!);
      for (const pick of open) pick.done();
    }
    assert.ok(seen.size <= 6, `${seen.size} lists`);
  });
});

describe("a session", () => {
  const sticky = (...states: readonly ("active" | "drain" | "maintenance")[]) =>
    stage(states.map((state, index) => backend("abc"[index]!, { state })));

  it("stays with its backend, whoever's turn it is", () => {
    const on = sticky("active", "active", "active");
    for (let pick = 0; pick < 5; pick++) assert.equal(on.pick({ wanted: "c" })?.backend.id, "c");
  });

  it("stays while its backend drains, but nobody new comes there", () => {
    const on = sticky("drain", "active", "active");
    assert.equal(on.pick({ wanted: "a" })?.backend.id, "a");
    for (let pick = 0; pick < 5; pick++) assert.notEqual(on.pick()?.backend.id, "a");
  });

  it("goes elsewhere where its backend is gone, was tried, is unhealthy, is ejected or is in maintenance", () => {
    assert.equal(sticky("active", "active").pick({ wanted: "z" })?.backend.id, "a");
    assert.equal(sticky("active", "active").pick({ wanted: "a", tried: new Set(["a"]) })?.backend.id, "b");
    assert.equal(sticky("maintenance", "active").pick({ wanted: "a" })?.backend.id, "b");
    const unhealthy = sticky("active", "active");
    unhealthy.setHealth({ a: "unhealthy" });
    assert.equal(unhealthy.pick({ wanted: "a" })?.backend.id, "b");
    const ejected = sticky("active", "active");
    ejected.send("a", "xxxxx");
    assert.equal(ejected.pick({ wanted: "a" })?.backend.id, "b");
  });

  it("that is bound goes nowhere else, as long as there is its backend", () => {
    const on = sticky("active", "active");
    on.send("a", "xxxxx");
    assert.equal(on.pick({ wanted: "a", bound: true }), undefined);
    assert.equal(on.pick({ wanted: "a", bound: true, tried: new Set(["a"]) }), undefined);
    assert.equal(on.pick({ bound: true })?.backend.id, "b");
    on.setBackends(backend("a", { state: "maintenance" }), backend("b"));
    assert.equal(on.pick({ wanted: "a", bound: true }), undefined);
    on.setBackends(backend("b"));
    assert.equal(on.pick({ wanted: "a", bound: true })?.backend.id, "b");
  });
});

describe("latencies", () => {
  it("are learned from heads, and failures count as slow, whatever the clock does", () => {
    const seen: number[] = [];
    const policy = firstOf((_, { meter, now }) => seen.push(meter("a").latencyMs(now())));
    const on = stage(equal(1), { policy, decayMs: 10_000 });
    const pick = on.pick()!;
    on.now += 100;
    pick.answered(200);
    on.now += 1_000;
    pick.done();
    const failing = on.pick()!;
    failing.done(failure());
    const back = on.pick()!;
    on.now -= 10_000;
    back.answered(200);
    on.pick();
    assert.equal(seen[0], 0);
    assert.ok(seen[1]! > 50 && seen[1]! <= 100, String(seen[1]));
    assert.ok(seen[2]! > 1_000, String(seen[2]));
    assert.ok(seen.every((ms) => ms >= 0), seen.join(" "));
  });

  it("are at least as long as one waited that was given up before its head", () => {
    const seen: number[] = [];
    const policy = firstOf((_, { meter, now }) => seen.push(meter("a").latencyMs(now())));
    const on = stage(equal(1), { policy, decayMs: 10_000 });
    const pick = on.pick()!;
    on.now += 800;
    pick.done(failure("client_aborted"));
    on.pick();
    assert.deepEqual(seen, [0, 800]);
  });
});

describe("a backend that is gone", () => {
  it("leaves nothing behind, once its requests have ended", () => {
    const seen: number[] = [];
    const policy = firstOf((_, { meter, now }) => seen.push(meter("a").latencyMs(now())));
    const on = stage(equal(2), { policy, decayMs: 1_000_000 });
    const pick = on.pick()!;
    on.now += 500;
    pick.answered(200);
    on.setBackends(...equal(2).slice(1));
    on.candidates();
    assert.equal(on.balancer.inFlight("a"), 1);
    pick.done();
    on.setBackends(...on.pool.backends);
    on.candidates();
    on.setBackends(...equal(2));
    on.pick();
    assert.equal(seen.at(-1), 0);
  });
});

describe("further tries", () => {
  /** Picks for `requests`, and once more for those that came to a dead backend; how often each got such a further try. */
  function retriesBy(list: ReturnType<typeof equal>, dead: ReadonlySet<string>, requests: number) {
    const on = stage(list);
    const first: string[] = [];
    const further = new Map(list.map(({ id }) => [id, 0]));
    for (let request = 0; request < requests; request++) {
      const { id } = on.pick()!.backend;
      first.push(id);
      if (!dead.has(id)) continue;
      const again = on.pick({ tried: new Set([id]) })!.backend.id;
      further.set(again, further.get(again)! + 1);
    }
    return { first, further };
  }

  it("leave the main rotation as it is", () => {
    const { first } = retriesBy(equal(3), new Set(["b"]), 9);
    assert.equal(first.join(""), "abcabcabc");
  });

  it("spread a dead backend's failures evenly over all others, and not on its neighbour", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.nat(7), (count, index) => {
        const list = equal(count);
        const dead = list[index % count]!.id;
        const { further } = retriesBy(list, new Set([dead]), 100);
        const got = [...further].filter(([id]) => id !== dead).map(([, tries]) => tries);
        assert.ok(Math.max(...got) - Math.min(...got) <= 1, got.join(" "));
      }),
    );
  });

  it("of two dead backends do not go from the one to the other again and again", () => {
    for (const dead of [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]]) {
      const { further } = retriesBy(equal(4), new Set(dead), 400);
      const alive = [...further].filter(([id]) => !dead.includes(id)).map(([, tries]) => tries);
      const [fewest, most] = [Math.min(...alive), Math.max(...alive)];
      const told = `${dead.join(" and ")} are dead, ${[...further].join(" ")}`;
      assert.ok(alive.reduce((sum, tries) => sum + tries) >= 200 / 3, told);
      assert.ok(most - fewest <= most / 4, told);
    }
  });

  it("go by weight too", () => {
    const list = weighted(1, 3, 1);
    const { further } = retriesBy(list, new Set(["a"]), 100);
    assert.deepEqual([...further], [["a", 0], ["b", 15], ["c", 5]]);
  });

  it("go to the backups when all of the first priority were tried, and not before", () => {
    const on = stage([backend("a"), backend("b"), backend("c", { priority: 1 }), backend("d", { priority: 2 })]);
    assert.equal(on.pick({ tried: new Set(["a"]) })?.backend.id, "b");
    assert.equal(on.pick({ tried: new Set(["a", "b"]) })?.backend.id, "c");
    on.setHealth({ c: "unhealthy" });
    assert.equal(on.pick({ tried: new Set(["a", "b"]) })?.backend.id, "d");
    assert.equal(on.pick({ tried: new Set(["a", "b", "d"]) }), undefined);
  });

  it("do not go to who is ejected", () => {
    const on = stage(equal(2));
    on.send("b", "xxxxx");
    assert.equal(on.pick({ tried: new Set(["a"]) }), undefined);
  });
});
