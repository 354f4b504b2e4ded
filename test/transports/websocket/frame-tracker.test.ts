import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createFrameTracker } from "../../../src/transports/websocket/frame-tracker.ts";
import { frame, opcode } from "../../support/frames.ts";

const frames = fc.array(
  fc.record({
    code: fc.constantFrom(0, 1, 2, 9, 10),
    length: fc.oneof(fc.nat(5), fc.constantFrom(125, 126, 300)),
    masked: fc.boolean(),
    fin: fc.boolean(),
    reserved: fc.constantFrom(0, 4),
  }),
  { maxLength: 8 },
);

describe("a frame tracker", () => {
  it("knows where frames end, whatever pieces the bytes come in", () => {
    fc.assert(fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 })), (list, steps) => {
      const written = list.map(({ code, length, ...form }) => frame(code, Buffer.alloc(length, 0x88), form));
      const ends = new Set([0]);
      for (const one of written) ends.add(Math.max(...ends) + one.length);
      const stream = Buffer.concat(written);
      const tracker = createFrameTracker();
      let at = 0;
      while (at < stream.length) {
        const end = Math.min(stream.length, at + (steps.shift() ?? stream.length));
        const expected = [...ends].find((place) => place >= at && place <= end);
        assert.equal(tracker.pass(stream.subarray(at, end)), expected === undefined ? -1 : expected - at);
        assert.equal(tracker.isBetween(), ends.has(end));
        at = end;
      }
      assert.equal(tracker.sawClose(), false);
    }));
  });

  it("sees a close frame as soon as its header is whole", () => {
    const tracker = createFrameTracker();
    tracker.pass(frame(opcode.text, "hello"));
    const close = frame(opcode.close, "\x03\xe8", { masked: true });
    tracker.pass(close.subarray(0, 5));
    assert.equal(tracker.sawClose(), false);
    tracker.pass(close.subarray(5, 6));
    assert.equal(tracker.sawClose(), true);
    assert.equal(tracker.isBetween(), false);
  });

  it("passes over gigabytes without them", () => {
    const tracker = createFrameTracker();
    const head = Buffer.from([0x82, 127, 0, 0, 0, 2, 0, 0, 0, 0]);
    assert.equal(tracker.pass(head), 0);
    assert.equal(tracker.pass(Buffer.alloc(65_536)), -1);
    assert.equal(tracker.isBetween(), false);
  });
});
