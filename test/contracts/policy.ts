import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Candidates, Policy } from "../../src/core/policy.ts";
import type { Backend } from "../../src/core/pool.ts";
import { candidateLists, randomSources, seededRandom, weighted } from "../support/arbitraries.ts";

/** What every policy promises; `create` gives a new one, which knows nothing yet. */
export function policyContract(name: string, create: () => Policy): void {
  describe(`policy ${name}`, () => {
    it("picks one of the candidates, however they change between two picks", () => {
      fc.assert(
        fc.property(fc.array(candidateLists, { minLength: 1, maxLength: 20 }), randomSources, (lists, random) => {
          const policy = create();
          for (const list of lists) assert.ok(list.includes(policy(asCandidates(list), { random })));
        }),
      );
    });

    it("gives back the candidate itself when another object came under its id", () => {
      const policy = create();
      for (const list of [weighted(1, 1), weighted(1, 1), weighted(1, 1)]) {
        assert.ok(list.includes(policy(asCandidates(list), { random: seededRandom(1) })));
      }
    });

    it("has one to pick when there is one", () => {
      const [only] = weighted(3);
      const policy = create();
      for (let pick = 0; pick < 3; pick++) assert.equal(policy([only!], { random: seededRandom(pick) }), only);
    });

    it("changes neither the list nor its backends", () => {
      fc.assert(
        fc.property(candidateLists, randomSources, (list, random) => {
          const policy = create();
          const frozen = asCandidates(Object.freeze(list.map((backend) => Object.freeze(backend))));
          for (let pick = 0; pick < 20; pick++) policy(frozen, { random });
        }),
      );
    });

    it("shares nothing with another policy of its kind", () => {
      const list = asCandidates(weighted(3, 2, 1));
      const sequence = () => {
        const policy = create();
        const random = seededRandom(7);
        return Array.from({ length: 30 }, () => policy(list, { random }).id);
      };
      assert.deepEqual(sequence(), sequence());
    });

    it("takes 1,000 candidates that change", () => {
      const policy = create();
      const random = seededRandom(3);
      const all = weighted(...Array.from({ length: 1_000 }, (_, index) => 1 + (index % 10)));
      for (let change = 0; change < 20; change++) {
        const list = asCandidates(all.filter((_, index) => index % 20 !== change));
        for (let pick = 0; pick < 10; pick++) assert.ok(list.includes(policy(list, { random })));
      }
    });
  });
}

/** The same array, because a policy may go by its identity. */
export function asCandidates(list: readonly Backend[]): Candidates {
  assert.ok(list.length > 0);
  return list as Candidates;
}
