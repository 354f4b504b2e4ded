import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMeters } from "../../../src/core/meters.ts";
import { hash } from "../../../src/core/policies/hash.ts";
import type { Backend } from "../../../src/core/pool.ts";
import { asCandidates } from "../../contracts/policy.ts";
import { backend, seededRandom, weighted } from "../../support/arbitraries.ts";
import { pickContext, type Told } from "../../support/pick-context.ts";

const unbounded = { balanceFactor: 0 };
const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** The id that each key gets. */
function homes(list: readonly Backend[], keys: readonly string[]): readonly string[] {
  const told: Told = {};
  const context = pickContext(told);
  const [policy, candidates] = [hash(unbounded), asCandidates(list)];
  return keys.map((key) => {
    told.key = key;
    return policy(candidates, context).id;
  });
}

describe("hash", () => {
  const keys = Array.from({ length: 40 }, (_, index) => address(index));
  // Fixed: a fleet whose processes are of several runtimes and versions has to agree.
  const golden = [
    { weights: [1, 1, 1, 1, 1], homes: "bcbadbbcadbaeaccbcaeadeacccaeadabadebdbe" },
    { weights: [5, 1, 2, 0.5, 1], homes: "bccabbbcacbaaaacbcaeaaeacaaaeadaaaaeaabc" },
  ];
  for (const { weights, homes: expected } of golden) {
    it(`gives a key the same backend in every process, on every runtime: ${weights.join("/")}`, () => {
      assert.equal(homes(weighted(...weights), keys).join(""), expected);
    });
  }

  it("does not go by the order of the backends", () => {
    const list = weighted(3, 1, 2, 1, 2);
    assert.deepEqual(homes(list.toReversed(), keys), homes(list, keys));
  });

  it("goes by the weights beside each other, and not by how high they are", () => {
    assert.deepEqual(homes(weighted(30, 10, 20), keys), homes(weighted(3, 1, 2), keys));
  });

  it("asks for the key once a pick, and for no chance", () => {
    let asked = 0;
    const random = () => assert.fail("there is no chance in it");
    hash(unbounded)(asCandidates(weighted(1, 1, 1)), { ...pickContext({ random }), key: () => `${asked++}` });
    assert.equal(asked, 1);
  });
});

describe("hash, of 100 backends and 100,000 keys", () => {
  const keySets: Readonly<Record<string, (index: number) => string>> = {
    addresses: address,
    paths: (index) => `/api/items/${index}?page=${index % 7}`,
    names: (index) => `user-${(index * 2_654_435_761) % 2 ** 32}`,
  };
  const weightSets = { equal: () => 2, unequal: (index: number) => [1, 1.5, 2, 3][index % 4]! };

  for (const [what, keyOf] of Object.entries(keySets)) {
    for (const [how, weightOf] of Object.entries(weightSets)) {
      const list = Array.from(
        { length: 100 },
        (_, index) => backend(`web-${index}.internal`, { weight: weightOf(index) }),
      );
      const total = list.reduce((sum, { weight }) => sum + weight, 0);
      const keys = Array.from({ length: 100_000 }, (_, index) => keyOf(index));
      const before = homes(list, keys);

      it(`gives each its share of ${what} to within 15 %, with ${how} weights`, () => {
        const counts = new Map<string, number>();
        for (const id of before) counts.set(id, (counts.get(id) ?? 0) + 1);
        for (const { id, weight } of list) {
          const share = (100_000 * weight) / total;
          const count = counts.get(id) ?? 0;
          assert.ok(Math.abs(count - share) <= 0.15 * share, `${id} has ${count} keys instead of ${share}`);
        }
      });

      it(`moves exactly the ${what} of a backend that leaves, with ${how} weights`, () => {
        for (const gone of [0, 42, 99]) {
          const { id } = list[gone]!;
          const after = homes(list.toSpliced(gone, 1), keys);
          const moved = after.flatMap((home, index) => (home === before[index] ? [] : [before[index]]));
          assert.ok(moved.every((home) => home === id) && !after.includes(id));
          assert.ok(moved.length > 0);
          const heirs = new Set(after.filter((_, index) => before[index] === id));
          assert.ok(heirs.size > 90, `they are spread over all that stay: ${heirs.size}`);
        }
      });
    }
  }

  it("moves a key only to the backend whose weight has grown", () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => address(index));
    const before = homes(weighted(1, 1, 1, 1), keys);
    homes(weighted(1, 1, 2, 1), keys).forEach((home, index) => assert.ok(home === before[index] || home === "c"));
  });
});

describe("hash, with a bound", () => {
  /** Begins and ends requests, of which half have the same key; tells the picked backend's load after each pick. */
  function simulate(
    { weights, factor, seed }: { readonly weights: readonly number[]; readonly factor: number; readonly seed: number },
    look: (picked: Backend, inFlight: number, all: number) => void,
  ): void {
    const random = seededRandom(seed);
    const meters = createMeters();
    const told: Told = {};
    const context = { ...pickContext(told), meter: meters.of };
    const [policy, list] = [hash({ balanceFactor: factor }), asCandidates(weighted(...weights))];
    const open: string[] = [];
    for (let step = 0; step < 300; step++) {
      if (open.length > 0 && random() < 0.4) {
        meters.end(open.splice(Math.floor(random() * open.length), 1)[0]!);
        continue;
      }
      told.key = random() < 0.5 ? "hot" : String(step);
      const picked = policy(list, context);
      meters.begin(picked.id);
      open.push(picked.id);
      look(picked, meters.of(picked.id).inFlight, meters.inFlight());
    }
  }

  const runs = fc.record({
    weights: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
    factor: fc.constantFrom(100, 101, 125, 150, 200),
    seed: fc.nat(),
  });

  it("picks nobody above the factor times its share of what is in flight, rounded up", () => {
    fc.assert(fc.property(runs, (run) => {
      const total = run.weights.reduce((sum, weight) => sum + weight, 0);
      simulate(run, ({ id, weight }, inFlight, all) => {
        const most = Math.ceil((run.factor * all * weight) / (100 * total));
        assert.ok(inFlight <= most, `${id} has ${inFlight} of ${all}, and ${most} at most`);
      });
    }));
  });

  it("picks nobody above the factor times the mean where the weights are equal, be they fractions", () => {
    fc.assert(fc.property(runs, fc.constantFrom(0.1, 0.3, 1 / 3), (run, weight) => {
      const { length } = run.weights;
      simulate({ ...run, weights: run.weights.map(() => weight) }, (_, inFlight, all) => {
        // Fractions are added up with an error of their last bits, which may cost a request more.
        assert.ok(inFlight <= Math.ceil((run.factor * all) / (100 * length)) + 1);
      });
    }));
  });

  it("shares one key among all of them, with a factor of 100", () => {
    const meters = createMeters();
    const context = { ...pickContext({ key: "hot" }), meter: meters.of };
    const [policy, list] = [hash({ balanceFactor: 100 }), asCandidates(weighted(1, 1, 1, 1))];
    for (let pick = 0; pick < 40; pick++) meters.begin(policy(list, context).id);
    assert.deepEqual(list.map(({ id }) => meters.of(id).inFlight), [10, 10, 10, 10]);
  });

  it("takes the one that the key would have if the full one were gone", () => {
    const list = weighted(1, 2, 1, 3, 1);
    const keys = Array.from({ length: 200 }, (_, index) => address(index));
    const next = homes(list.filter(({ id }) => id !== "b"), keys);
    const context = (key: string) => pickContext({ key, inFlight: { b: 100 } });
    const picked = keys.map((key) => hash({ balanceFactor: 200 })(asCandidates(list), context(key)).id);
    const expected = homes(list, keys).map((home, index) => (home === "b" ? next[index] : home));
    assert.deepEqual(picked, expected.map((id, index) => (id === "b" ? next[index] : id)));
  });

  it("keeps a key where it belongs as long as there is room", () => {
    const list = weighted(1, 2, 1, 3, 1);
    const keys = Array.from({ length: 200 }, (_, index) => address(index));
    const inFlight = { a: 10, b: 20, c: 10, d: 30, e: 10 };
    const picked = keys.map((key) =>
      hash({ balanceFactor: 150 })(asCandidates(list), pickContext({ key, inFlight })).id
    );
    assert.deepEqual(picked, homes(list, keys));
  });

  it("of 0 is none", () => {
    const context = pickContext({ key: "hot", inFlight: {} });
    const list = asCandidates(weighted(1, 1, 1));
    const home = hash(unbounded)(list, context);
    const loaded = pickContext({ key: "hot", inFlight: { [home.id]: 1_000_000 } });
    assert.equal(hash(unbounded)(list, loaded), home);
  });
});
