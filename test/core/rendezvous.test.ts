import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hashOf, lotOf, score } from "../../src/core/rendezvous.ts";

const bits = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("the hash of a text", () => {
  // Fixed: all processes of a fleet have to agree, whatever runtime and version they are.
  const golden = { "": 2872998923, a: 444641715, "203.0.113.7": 339622278, "/ü/€?😀": 2447564181 };
  for (const [text, hash] of Object.entries(golden)) {
    it(`is ${hash} for "${text}", on every runtime`, () => assert.equal(hashOf(text), hash));
  }

  it("is 32 bits without a sign", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const hash = hashOf(text);
      assert.ok(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32);
    }));
  });

  it("changes half of its bits, where texts differ in one bit of one letter", () => {
    let changed = 0;
    for (let index = 0; index < 10_000; index++) {
      const difference = hashOf(`${index} b`) ^ hashOf(`${index} c`);
      changed += (difference >>> 0).toString(2).replaceAll("0", "").length;
    }
    assert.ok(Math.abs(changed / 10_000 - 16) < 0.2, `${changed / 10_000} of 32`);
  });
});

describe("a lot", () => {
  it("is never the same for two places", () => {
    fc.assert(fc.property(bits, bits, bits, (key, one, other) => {
      assert.equal(lotOf(key, one) === lotOf(key, other), one === other);
    }));
  });
});

describe("a score", () => {
  const weights = fc.integer({ min: 1, max: 1_000_000 }).map((weight) => weight / 1_000);

  it("grows with the lot", () => {
    fc.assert(fc.property(bits, bits, weights, (one, other, weight) => {
      assert.equal(Math.sign(score(one, weight) - score(other, weight)), Math.sign(one - other));
    }));
  });

  it("grows with the weight", () => {
    fc.assert(fc.property(bits, weights, weights, (lot, one, other) => {
      assert.equal(Math.sign(score(lot, one) - score(lot, other)), Math.sign(one - other));
    }));
  });

  it("is a number above 0 for the lowest and for the highest lot", () => {
    for (const lot of [0, 2 ** 32 - 1]) assert.ok(score(lot, 0.001) > 0 && Number.isFinite(score(lot, 1_000)));
  });
});
