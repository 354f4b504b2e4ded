import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { closePayload, encodeFrame } from "../../../src/transports/websocket/encode.ts";
import { closeOf, parseFrames } from "../../support/frames.ts";

const lengths = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65_535, 65_536, 70_001];

describe("a frame that is written", () => {
  for (const masked of [true, false]) {
    for (const length of lengths) {
      it(`can be read, ${masked ? "masked" : "plain"}, with ${length} bytes`, () => {
        const payload = Uint8Array.from({ length }, (_, index) => (index * 7) % 256);
        const { frames, rest } = parseFrames(encodeFrame(2, payload, masked));
        assert.equal(rest.length, 0);
        assert.equal(frames.length, 1);
        const { fin, reserved, opcode, payload: read } = frames[0]!;
        assert.deepEqual({ fin, reserved, opcode }, { fin: true, reserved: 0, opcode: 2 });
        assert.equal(frames[0]!.masked, masked);
        assert.ok(read.equals(payload));
      });
    }
  }

  it("can be read whatever it holds, also where its bytes lie in the middle of others", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), fc.boolean(), (bytes, offset, masked) => {
      const payload = bytes.subarray(Math.min(offset, bytes.length));
      const { frames } = parseFrames(encodeFrame(1, payload, masked));
      assert.ok(frames[0]!.payload.equals(payload));
    }));
  });

  it("has another mask each time", () => {
    const masks = Array.from({ length: 20 }, () => encodeFrame(2, new Uint8Array(), true).subarray(2).join());
    assert.ok(new Set(masks).size > 15);
  });

  it("uses as few bytes for its length as it can", () => {
    const headOf = (length: number) => encodeFrame(2, new Uint8Array(length), false).length - length;
    assert.deepEqual([125, 126, 65_535, 65_536].map(headOf), [2, 4, 4, 10]);
  });
});

describe("a close frame", () => {
  const read = (code: number | undefined, reason: string) =>
    closeOf(parseFrames(encodeFrame(8, closePayload(code, reason), true)).frames[0]!);

  it("holds its code and its reason, or nothing", () => {
    assert.deepEqual(read(1000, ""), [1000, ""]);
    assert.deepEqual(read(4999, "später"), [4999, "später"]);
    assert.deepEqual(read(undefined, ""), [undefined, ""]);
  });

  it("has a reason of 123 bytes at most, cut between two characters", () => {
    const [, reason] = read(1000, "€".repeat(60));
    assert.equal(reason, "€".repeat(41));
  });
});
