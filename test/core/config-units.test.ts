import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as v from "valibot";
import { duration, formatDuration, formatSize, percent, size } from "../../src/core/units.ts";

describe("a duration", () => {
  const cases: readonly [unknown, number | undefined][] = [
    ["250ms", 250],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["0s", 0],
    [0, 0],
    [1500, 1500],
    ["576h", 2_073_600_000],
    ["577h", undefined],
    ["1.5s", undefined],
    ["10", undefined],
    ["10 s", undefined],
    ["-1s", undefined],
    ["1d", undefined],
    ["", undefined],
    [1.5, undefined],
    [-1, undefined],
    [Infinity, undefined],
    [true, undefined],
  ];
  for (const [text, ms] of cases) {
    it(`${JSON.stringify(text)} is ${ms ?? "refused"}`, () => {
      const parsed = v.safeParse(duration(0), text);
      assert.equal(parsed.success ? parsed.output : undefined, ms);
    });
  }

  it("comes out of its own text again", () => {
    fc.assert(fc.property(fc.nat(2_073_600_000), (ms) => {
      assert.equal(v.parse(duration(0), ms === 0 ? 0 : formatDuration(ms)), ms);
    }));
  });
});

describe("a size", () => {
  const cases: readonly [unknown, number | undefined][] = [
    ["512B", 512],
    ["64KiB", 65_536],
    ["10MiB", 10_485_760],
    ["1GiB", 1_073_741_824],
    [123, 123],
    ["64KB", undefined],
    ["64kib", undefined],
    ["64", undefined],
    ["9007199254740991GiB", undefined],
    [0.5, undefined],
  ];
  for (const [text, bytes] of cases) {
    it(`${JSON.stringify(text)} is ${bytes ?? "refused"}`, () => {
      const parsed = v.safeParse(size(), text);
      assert.equal(parsed.success ? parsed.output : undefined, bytes);
    });
  }

  it("comes out of its own text again", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => {
      assert.equal(v.parse(size(), bytes === 0 ? 0 : formatSize(bytes)), bytes);
    }));
  });
});

describe("a percentage", () => {
  it("is the same with its sign and without", () => {
    fc.assert(fc.property(fc.nat(100), (share) => {
      assert.equal(v.parse(percent(), `${share}%`), share);
      assert.equal(v.parse(percent(), share), share);
    }));
  });
});
