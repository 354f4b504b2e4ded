import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createDraw } from "../../src/core/draw.ts";
import { asCandidates } from "../contracts/policy.ts";
import { seededRandom, weighted } from "../support/arbitraries.ts";
import { isNear } from "../support/pick-context.ts";

const weightLists = fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 20 });
const chances = fc.oneof(
  fc.constantFrom(0, 1 - 2 ** -53),
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
);

/** How often each index is drawn, as shares. */
function drawn(count: number, draw: () => number): readonly number[] {
  const counts: number[] = [];
  for (let trial = 0; trial < count; trial++) {
    const index = draw();
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return Array.from(counts, (count) => count ?? 0);
}

describe("a draw", () => {
  it("is an index of the list, whatever the weights and the chance", () => {
    fc.assert(fc.property(weightLists, chances, (weights, chance) => {
      const index = createDraw().any(asCandidates(weighted(...weights)), () => chance);
      assert.ok(Number.isInteger(index) && index >= 0 && index < weights.length, `${index}`);
    }));
  });

  it("of two gives different ones, whatever the weights and the chance", () => {
    fc.assert(fc.property(weightLists, fc.nat(), chances, (weights, seed, chance) => {
      const than = seed % weights.length;
      const index = createDraw().other(asCandidates(weighted(...weights)), () => chance, than);
      assert.ok(Number.isInteger(index) && index >= 0 && index < weights.length, `${index}`);
      assert.equal(index === than, weights.length === 1);
    }));
  });

  it("of two gives different ones where chance falls on the border of the one that is left out", () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const list = asCandidates(weighted(...weights));
        let [before, total] = [0, weights.reduce((sum, weight) => sum + weight, 0)];
        weights.slice(0, -1).forEach((weight, than) => {
          const border = before / (before + (total - (before + weight)));
          for (const chance of [border - 2 ** -53, border, border + 2 ** -53]) {
            const index = createDraw().other(list, () => Math.max(0, Math.min(chance, 1 - 2 ** -53)), than);
            assert.notEqual(index, than);
          }
          before += weight;
        });
      }),
    );
  });

  it("of two gives the second by the weights of the rest", () => {
    const list = asCandidates(weighted(1_000, 1, 3, 4));
    const [draw, random] = [createDraw(), seededRandom(1)];
    const counts = drawn(80_000, () => draw.other(list, random, 0));
    assert.ok(
      [0, 1 / 8, 3 / 8, 1 / 2].every((share, index) => isNear(counts[index]!, share, 80_000)),
      counts.join(" "),
    );
  });

  it("of two among equal weights gives every other one as often", () => {
    const list = asCandidates(weighted(2, 2, 2, 2, 2));
    const [draw, random] = [createDraw(), seededRandom(1)];
    const counts = drawn(80_000, () => draw.other(list, random, 2));
    assert.ok(
      [1, 1, 0, 1, 1].every((part, index) => isNear(counts[index]!, part / 4, 80_000)),
      counts.join(" "),
    );
  });

  it("asks for chance once, even if one has nearly all the weight", () => {
    let asked = 0;
    createDraw().other(asCandidates(weighted(1e9, 1)), () => (asked++, 0.5), 0);
    assert.equal(asked, 1);
  });
});
