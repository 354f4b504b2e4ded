import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Policy } from "../../../src/core/policy.ts";
import type { Backend } from "../../../src/core/pool.ts";
import { roundRobin } from "../../../src/core/policies/round-robin.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { backend, candidateLists, seededRandom, weighted } from "../../support/arbitraries.ts";
import { pickContext } from "../../support/pick-context.ts";

const fromFirst = (): Policy => roundRobin({ start: "first" });

/** The ids of the next picks, as one word. */
function turns(policy: Policy, list: readonly Backend[], count: number, random = seededRandom(1)): string {
  return Array.from({ length: count }, () => policy(asCandidates(list), pickContext({ random })).id).join("");
}

function shares(ids: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts);

describe("round robin, as long as nothing changes", () => {
  const cases = [
    { name: "goes from the first to the last and begins again", weights: [1, 1, 1], turns: "abcabca" },
    { name: "spreads a heavy backend's turns", weights: [5, 1, 1], turns: "aabacaa" },
    { name: "gives twice as much for twice the weight", weights: [2, 1], turns: "abaaba" },
    { name: "takes weights below 1", weights: [0.5, 0.25, 0.25], turns: "abcaabca" },
    { name: "takes equal weights of any size in turn", weights: [300, 300, 300], turns: "abcabca" },
  ];
  for (const { name, weights, turns: expected } of cases) {
    it(`${name}: ${weights.join("/")} gives ${expected}`, () => {
      assert.equal(turns(fromFirst(), weighted(...weights), expected.length), expected);
    });
  }

  it("gives everybody exactly its weight in any row of as many picks as the weights sum up to", () => {
    fc.assert(
      fc.property(candidateLists, fc.nat(100), (list, before) => {
        const policy = fromFirst();
        turns(policy, list, before);
        const total = list.reduce((sum, { weight }) => sum + weight, 0);
        const row = Array.from({ length: total }, () => turns(policy, list, 1));
        for (const { id, weight } of list) assert.equal(shares(row).get(id), weight);
      }),
    );
  });

  it("shares equally to within one pick at every moment among equal weights", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0.1, 1, 7), fc.nat(200), (count, weight, picks) => {
        const list = weighted(...Array.from({ length: count }, () => weight));
        const got = shares(turns(fromFirst(), list, picks));
        assert.ok(spread(list.map(({ id }) => got.get(id) ?? 0)) <= 1);
      }),
    );
  });

  it("takes 1,000 backends in turn", () => {
    const list = weighted(...Array.from({ length: 1_000 }, () => 1));
    const policy = fromFirst();
    const picked = Array.from({ length: 2_000 }, () => policy(asCandidates(list), pickContext()));
    assert.deepEqual(picked, [...list, ...list]);
  });
});

describe("where round robin begins", () => {
  const beginnings = (list: readonly Backend[]) => {
    const random = seededRandom(1);
    return new Set(Array.from({ length: 400 }, () => turns(roundRobin({ start: "random" }), list, 1, random)));
  };
  for (const weights of [[1, 1, 1, 1], [5, 1, 1], [100, 100, 100], [0.25, 0.25, 0.5]]) {
    it(`random reaches every backend: ${weights.join("/")}`, () => {
      const list = weighted(...weights);
      assert.deepEqual([...beginnings(list)].sort(), list.map(({ id }) => id));
    });
  }

  it("random goes on in the usual order", () => {
    const sequence = turns(roundRobin({ start: "random" }), weighted(1, 1, 1), 9, seededRandom(5));
    assert.ok("abcabcabcabc".includes(sequence), sequence);
  });

  it("random asks for chance once, not on every pick", () => {
    let asked = 0;
    const random = () => (asked++, 0.5);
    turns(roundRobin({ start: "random" }), weighted(1, 1, 1), 9, random);
    assert.equal(asked, 1);
  });
});

describe("round robin, when backends come and go", () => {
  const [a, b, c, d] = weighted(1, 1, 1, 1) as [Backend, Backend, Backend, Backend];

  it("goes on where it was when a backend leaves", () => {
    const policy = fromFirst();
    assert.equal(turns(policy, [a, b, c, d], 2), "ab");
    assert.equal(turns(policy, [a, b, d], 4), "dabd");
  });

  it("goes on where it was when a backend comes", () => {
    const policy = fromFirst();
    assert.equal(turns(policy, [a, b, d], 2), "ab");
    const next = turns(policy, [a, b, c, d], 8);
    assert.equal(next.replaceAll("c", ""), "dabdab");
    assert.deepEqual(shares(next), shares("aabbccdd"));
  });

  it("takes turns from the first when all are replaced", () => {
    const policy = fromFirst();
    assert.equal(turns(policy, [a, b], 3), "aba");
    assert.equal(turns(policy, [c, d], 4), "cdcd");
  });

  it("does not give a backend that is back at once another one's turn", () => {
    const policy = fromFirst();
    assert.equal(turns(policy, [a, b, c], 1), "a");
    assert.equal(turns(policy, [b, c], 1), "b");
    assert.equal(turns(policy, [a, b, c], 1), "c");
  });

  // Each change is the set of those that are there, for so many picks.
  const changes = (count: number) =>
    fc.array(fc.tuple(fc.array(fc.boolean(), { minLength: count, maxLength: count }), fc.nat(6)), { maxLength: 30 });

  it("keeps those that stay in their order, whoever comes and goes beside them", () => {
    const all = weighted(1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    fc.assert(
      fc.property(changes(all.length), (steps) => {
        const policy = fromFirst();
        const stay = new Set(["b", "f", "i"]);
        let sequence = turns(policy, all, 7);
        for (const [present, picks] of steps) {
          sequence += turns(policy, all.filter(({ id }, index) => present[index] || stay.has(id)), picks);
        }
        const order = [...sequence].filter((id) => stay.has(id)).join("");
        assert.ok("bfi".repeat(order.length).startsWith(order), order);
      }),
    );
  });

  it("gives nobody two turns in a row because one comes and goes", () => {
    const all = weighted(1, 1, 1, 1, 1);
    fc.assert(
      fc.property(fc.nat(4), fc.array(fc.boolean(), { maxLength: 100 }), (flapping, isThere) => {
        const policy = fromFirst();
        const sequence = isThere.map((there) =>
          turns(policy, all.filter((_, index) => there || index !== flapping), 1)
        );
        assert.ok(sequence.every((id, index) => id !== sequence[index - 1]), sequence.join(""));
      }),
    );
  });

  it("does not shift shares among the others by more than one pick, however often one comes and goes", () => {
    const all = weighted(1, 1, 1, 1);
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (isThere) => {
        const policy = fromFirst();
        const got = shares(isThere.map((there) => turns(policy, there ? all : all.slice(1), 1)));
        assert.ok(spread(["b", "c", "d"].map((id) => got.get(id) ?? 0)) <= 1);
      }),
    );
  });

  it("keeps weighted shares of those that stay, to within two picks, however often one comes and goes", () => {
    const all = weighted(2, 4, 1, 1);
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 100, maxLength: 300 }), (isThere) => {
        const policy = fromFirst();
        const got = shares(isThere.map((there) => turns(policy, there ? all : all.slice(1), 1)));
        const rounds = ["b", "c", "d"].map((id) => (got.get(id) ?? 0) / all.find((one) => one.id === id)!.weight);
        assert.ok(spread(rounds) <= 2, rounds.join(" "));
      }),
    );
  });

  it("takes turns at once after a heavy backend has left", () => {
    const [heavy, ...light] = [backend("h", { weight: 1_000 }), a, b];
    const policy = fromFirst();
    while (turns(policy, [heavy!, ...light], 1) !== "a");
    assert.equal(turns(policy, light, 6), "bababa");
  });

  it("takes turns at once after weights became smaller", () => {
    const policy = fromFirst();
    turns(policy, weighted(1_000, 1_000), 1);
    assert.equal(turns(policy, weighted(1, 1), 6), "bababa");
  });

  it("gives everybody its new weight within a round after weights changed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 3 }),
        fc.nat(50),
        (before, after, picks) => {
          const policy = fromFirst();
          turns(policy, weighted(...before), picks);
          const list = weighted(...after);
          const total = after.reduce((sum, weight) => sum + weight, 0);
          const got = shares(turns(policy, list, total));
          for (const { id, weight } of list) {
            // What it was ahead or behind at the change is made up for: at most one old round, which is one new one.
            const difference = Math.abs((got.get(id) ?? 0) - weight);
            assert.ok(difference <= Math.max(2, weight), `${id} has ${weight} and got ${got.get(id)}`);
          }
        },
      ),
    );
  });
});
