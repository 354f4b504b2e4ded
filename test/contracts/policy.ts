import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Candidates, Policy } from "../../src/core/policy.ts";
import type { Backend } from "../../src/core/pool.ts";
import { candidateLists, nameOf, randomSources, seededRandom, weighted } from "../support/arbitraries.ts";
import { pickContext, type Told } from "../support/pick-context.ts";

/** What every policy promises; `create` gives a new one, which knows nothing yet. */
export function policyContract(name: string, create: () => Policy): void {
  describe(`policy ${name}`, () => {
    it("picks one of the candidates, however they and what is known of them change between two picks", () => {
      const picks = fc.array(fc.record({ list: candidateLists, ...known }), { minLength: 1, maxLength: 20 });
      fc.assert(
        fc.property(picks, randomSources, (picks, random) => {
          const policy = create();
          const told: Told = { random };
          const context = pickContext(told);
          for (const { list, ...known } of picks) {
            Object.assign(told, known);
            assert.ok(list.includes(policy(asCandidates(list), context)));
          }
        }),
      );
    });

    it("gives back the candidate itself when another object came under its id", () => {
      const policy = create();
      const context = pickContext();
      for (const list of [weighted(1, 1), weighted(1, 1), weighted(1, 1)]) {
        assert.ok(list.includes(policy(asCandidates(list), context)));
      }
    });

    it("has one to pick when there is one, whatever its load", () => {
      const [only] = weighted(3);
      const policy = create();
      const told: Told = {};
      const context = pickContext(told);
      for (const inFlight of [0, 1, 1_000]) {
        told.inFlight = { a: inFlight };
        assert.equal(policy([only!], context), only);
      }
    });

    it("takes weights of a thousandth and of a thousand side by side", () => {
      fc.assert(
        fc.property(
          fc.array(fc.constantFrom(0.001, 1, 1_000), { minLength: 1, maxLength: 8 }),
          fc.nat(),
          (weights, seed) => {
            const policy = create();
            const list = weighted(...weights);
            const told: Told = { random: seededRandom(seed) };
            const context = pickContext(told);
            for (let pick = 0; pick < 20; pick++) {
              told.key = String(pick);
              assert.ok(list.includes(policy(asCandidates(list), context)));
            }
          },
        ),
      );
    });

    it("changes neither the list nor its backends", () => {
      fc.assert(
        fc.property(candidateLists, randomSources, (list, random) => {
          const policy = create();
          const frozen = asCandidates(Object.freeze(list.map((backend) => Object.freeze(backend))));
          const context = pickContext({ random });
          for (let pick = 0; pick < 20; pick++) policy(frozen, context);
        }),
      );
    });

    it("shares nothing with another policy of its kind", () => {
      const list = asCandidates(weighted(3, 2, 1));
      const sequence = () => {
        const policy = create();
        const context = pickContext({ random: seededRandom(7) });
        return Array.from({ length: 30 }, () => policy(list, context).id);
      };
      assert.deepEqual(sequence(), sequence());
    });

    it("takes 1,000 candidates that change", () => {
      const policy = create();
      const context = pickContext({ random: seededRandom(3) });
      const all = weighted(...Array.from({ length: 1_000 }, (_, index) => 1 + (index % 10)));
      for (let change = 0; change < 20; change++) {
        const list = asCandidates(all.filter((_, index) => index % 20 !== change));
        for (let pick = 0; pick < 10; pick++) assert.ok(list.includes(policy(list, context)));
      }
    });
  });
}

const byId = <T>(values: fc.Arbitrary<T>) => fc.dictionary(fc.nat(7).map(nameOf), values, { noNullPrototype: true });

const known = {
  now: fc.nat(100_000),
  key: fc.string(),
  inFlight: byId(fc.nat(50)),
  latencyMs: byId(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 60_000, noNaN: true }))),
};

/** The same array, because a policy may go by its identity. */
export function asCandidates(list: readonly Backend[]): Candidates {
  assert.ok(list.length > 0);
  return list as Candidates;
}
