import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Balancer, createBalancer, type Pick as Choice } from "../../src/core/balancer.ts";
import { policies } from "../../src/core/policies/index.ts";
import { candidateLists, randomSources, seededRandom, weighted } from "../support/arbitraries.ts";

const create = (random = seededRandom(1)): Balancer =>
  createBalancer(() => policies["round-robin"]({ start: "first" }), { random });

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
          const balancer = create(random);
          for (let pick = 0; pick < before; pick++) balancer.pick(list);
          const ids = new Set(tried.map((index) => list[index % list.length]!.id));
          const pick = balancer.pick(list, ids);
          assert.equal(pick === undefined, list.every(({ id }) => ids.has(id)));
          if (pick !== undefined) assert.ok(list.includes(pick.backend) && !ids.has(pick.backend.id));
        },
      ),
    );
  });

  it("does not exist when nobody is eligible", () => {
    assert.equal(create().pick([]), undefined);
    assert.equal(create().pick([], new Set(["a"])), undefined);
  });

  it("is the usual one when nobody was tried yet", () => {
    const balancer = create();
    assert.deepEqual(
      ["a", "b"],
      [balancer.pick(equal(3)), balancer.pick(equal(3), new Set())].map((pick) => pick?.backend.id),
    );
  });
});

describe("what is in flight", () => {
  it("is counted by backend and for all, and falls to 0 in whatever order the picks end, each once or more", () => {
    const ends = fc.array(fc.record({ rank: fc.double({ noNaN: true }), times: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(candidateLists, ends, (list, order) => {
        const balancer = create();
        const picks = order.map(({ rank, times }) => ({ rank, times, pick: balancer.pick(list)! }));
        const open: Choice[] = picks.map(({ pick }) => pick);
        for (const { times, pick } of picks.toSorted((one, other) => one.rank - other.rank)) {
          for (const { id } of list) {
            assert.equal(
              balancer.inFlight(id),
              open.filter(({ backend }) => backend.id === id).length,
            );
          }
          assert.equal(balancer.inFlight(), open.length);
          for (let time = 0; time < times; time++) pick.done();
          open.splice(open.indexOf(pick), 1);
        }
        assert.equal(balancer.inFlight(), 0);
        for (const { id } of list) assert.equal(balancer.inFlight(id), 0);
      }),
    );
  });

  it("is 0 for a backend that nobody knows", () => {
    assert.equal(create().inFlight("toString"), 0);
  });

  it("is still counted when the backend has left the pool meanwhile", () => {
    const balancer = create();
    const pick = balancer.pick(equal(2))!;
    balancer.pick(equal(2).slice(1))?.done();
    assert.equal(balancer.inFlight("a"), 1);
    pick.done();
    assert.equal(balancer.inFlight("a"), 0);
  });
});

describe("further tries", () => {
  /** Picks for `requests`, and once more for those that came to a dead backend; how often each got such a further try. */
  function retriesBy(list: ReturnType<typeof equal>, dead: ReadonlySet<string>, requests: number) {
    const balancer = create();
    const first: string[] = [];
    const further = new Map(list.map(({ id }) => [id, 0]));
    for (let request = 0; request < requests; request++) {
      const { id } = balancer.pick(list)!.backend;
      first.push(id);
      if (!dead.has(id)) continue;
      const again = balancer.pick(list, new Set([id]))!.backend.id;
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
});
