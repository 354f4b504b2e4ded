import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMeters } from "../../../src/core/meters.ts";
import { leastConnections } from "../../../src/core/policies/least-connections.ts";
import type { PickContext, Policy } from "../../../src/core/policy.ts";
import type { Backend } from "../../../src/core/pool.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { candidateLists, seededRandom, weighted } from "../../support/arbitraries.ts";
import { pickContext, tally, type Told } from "../../support/pick-context.ts";

const create = () => leastConnections({ start: "first" });

/** The ids of the next picks, as one word. */
function turns(policy: Policy, list: readonly Backend[], context: PickContext, count: number): string {
  return Array.from({ length: count }, () => policy(asCandidates(list), context).id).join("");
}

describe("least connections", () => {
  it("picks who has the fewest requests in flight per unit of weight", () => {
    fc.assert(
      fc.property(candidateLists, fc.array(fc.nat(30), { minLength: 8, maxLength: 8 }), (list, loads) => {
        const inFlight = Object.fromEntries(list.map(({ id }, index) => [id, loads[index]!]));
        const load = ({ id, weight }: Backend) => inFlight[id]! / weight;
        const picked = create()(asCandidates(list), pickContext({ inFlight }));
        assert.equal(load(picked), Math.min(...list.map(load)));
      }),
    );
  });

  it("fills all of them evenly as long as nothing ends", () => {
    const meters = createMeters();
    const context = { ...pickContext(), meter: meters.of };
    const policy = create();
    const list = asCandidates(weighted(4, 2, 1));
    for (let pick = 0; pick < 70; pick++) meters.begin(policy(list, context).id);
    assert.deepEqual(list.map(({ id }) => meters.of(id).inFlight), [40, 20, 10]);
  });
});

describe("those with the same load", () => {
  it("take turns", () => {
    assert.equal(turns(create(), weighted(1, 1, 1), pickContext(), 7), "abcabca");
  });

  it("take turns evenly, wherever in the list the others stand", () => {
    const context = pickContext({ inFlight: { b: 1, c: 1 } });
    assert.equal(turns(create(), weighted(1, 1, 1, 1, 1), context, 9), "adeadeade");
  });

  it("take turns by weight", () => {
    assert.deepEqual(tally(create(), weighted(5, 1, 2), pickContext(), 800), { a: 500, b: 100, c: 200 });
  });

  it("take turns whichever of them is busy at the moment", () => {
    // One request at a time is in flight: a turn that is counted along the list would always pass over the same one.
    const told: Told = { inFlight: {} };
    const context = pickContext(told);
    const [policy, list] = [create(), asCandidates(weighted(1, 1, 1))];
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let pick = 0; pick < 300; pick++) {
      const { id } = policy(list, context);
      counts[id]! += 1;
      told.inFlight = { [id]: 1 };
    }
    assert.deepEqual(counts, { a: 100, b: 100, c: 100 });
  });

  it("are first when they were busy, and have no other turns to make up for", () => {
    const told: Told = { inFlight: { b: 1 } };
    const context = pickContext(told);
    const [policy, list] = [create(), weighted(1, 1, 1)];
    turns(policy, list, context, 100);
    told.inFlight = {};
    assert.equal(turns(policy, list, context, 7), "babcabc");
  });

  it("keep their turns when the list is another one", () => {
    const policy = create();
    const picked = Array.from({ length: 6 }, () => turns(policy, weighted(1, 1, 1), pickContext(), 1));
    assert.equal(picked.join(""), "abcabc");
  });

  it("keep their turns while they are left out", () => {
    const policy = create();
    const [a, b, c] = weighted(1, 1, 1) as [Backend, Backend, Backend];
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let pick = 0; pick < 300; pick++) {
      counts[turns(policy, pick % 2 === 0 ? [a, b] : [a, c], pickContext(), 1)]! += 1;
    }
    assert.deepEqual(counts, { a: 100, b: 100, c: 100 });
  });
});

describe("where many begin with nothing in flight", () => {
  it("their first picks are spread, and then each takes turns", () => {
    const list = asCandidates(weighted(1, 1, 1, 1));
    const random = seededRandom(5);
    const words = Array.from(
      { length: 400 },
      () => turns(leastConnections({ start: "random" }), list, { ...pickContext(), random }, 8),
    );
    for (const id of "abcd") {
      const count = words.filter((word) => word.startsWith(id)).length;
      assert.ok(count > 70 && count < 130, `${id} is the first of ${count}`);
    }
    for (const word of words) assert.equal(word.slice(0, 4).split("").sort().join(""), "abcd", word);
  });
});
