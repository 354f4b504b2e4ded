import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createDecoder, type Received } from "../../../src/transports/websocket/decode.ts";
import { closing, frame, opcode } from "../../support/frames.ts";

const maxBytes = 1000;

const decode = (...chunks: readonly Uint8Array[]): Received[] => {
  const decoder = createDecoder(maxBytes);
  const received: Received[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) received.push(next);
  }
  return received.map((one) => ("bytes" in one ? { ...one, bytes: new Uint8Array(one.bytes) } : one));
};

const violationOf = (...chunks: readonly Uint8Array[]) => {
  const last = decode(...chunks).at(-1);
  return last?.kind === "violation" ? last.code : last;
};

const bytes = (...values: number[]) => new Uint8Array(values);

describe("a decoder", () => {
  it("reads texts, binaries, pings and pongs", () => {
    const all = [
      frame(opcode.text, "ä€😀"),
      frame(opcode.binary, bytes(0, 255)),
      frame(opcode.ping, "p"),
      frame(opcode.pong),
    ];
    assert.deepEqual(decode(...all), [
      { kind: "text", text: "ä€😀" },
      { kind: "binary", bytes: bytes(0, 255) },
      { kind: "ping", bytes: bytes(112) },
      { kind: "pong", bytes: bytes() },
    ]);
  });

  it("keeps a byte order mark", () => {
    assert.deepEqual(decode(frame(opcode.text, "\uFEFFa")), [{ kind: "text", text: "\uFEFFa" }]);
  });

  it("joins fragments, a character across two of them, and lets control frames come between", () => {
    const [first, second] = [Buffer.from("€").subarray(0, 1), Buffer.from("€").subarray(1)];
    assert.deepEqual(
      decode(
        frame(opcode.text, first, { fin: false }),
        frame(opcode.ping, "between"),
        frame(opcode.continuation, "", { fin: false }),
        frame(opcode.continuation, second),
        frame(opcode.binary),
      ),
      [{ kind: "ping", bytes: new TextEncoder().encode("between") }, { kind: "text", text: "€" }, {
        kind: "binary",
        bytes: bytes(),
      }],
    );
  });

  it("says nothing more after a close", () => {
    assert.deepEqual(decode(frame(opcode.close, closing(1000, "bye")), frame(opcode.text, "late")), [
      { kind: "close", code: 1000, reason: "bye" },
    ]);
    assert.deepEqual(decode(frame(opcode.close)), [{ kind: "close", code: undefined, reason: "" }]);
  });

  it("takes every code that may stand in a close frame, and no other", () => {
    const isTaken = (code: number) => decode(frame(opcode.close, closing(code)))[0]?.kind === "close";
    const taken = Array.from({ length: 65_536 }, (_, code) => code).filter(isTaken);
    assert.deepEqual([taken[0], taken.at(-1), taken.length], [1000, 4999, 4000 - 3]);
    for (const code of [1005, 1006, 1015]) assert.equal(isTaken(code), false, String(code));
  });

  const wrong: readonly (readonly [what: string, code: number, bytes: readonly Uint8Array[]])[] = [
    ["a masked frame", 1002, [frame(opcode.text, "a", { masked: true })]],
    ...[1, 2, 4].map((reserved) =>
      [`reserved bit ${reserved}`, 1002, [frame(opcode.text, "a", { reserved })]] as const
    ),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((code) => [`opcode ${code}`, 1002, [frame(code, "a")]] as const),
    ["a fragmented ping", 1002, [frame(opcode.ping, "a", { fin: false })]],
    ["a long ping", 1002, [frame(opcode.ping, "a".repeat(126))]],
    ["a continuation of nothing", 1002, [frame(opcode.continuation, "a")]],
    ["a message within a message", 1002, [frame(opcode.text, "a", { fin: false }), frame(opcode.text, "b")]],
    ["a short length in two bytes", 1002, [frame(opcode.text, "a", { lengthBytes: 2 })]],
    ["a middling length in eight bytes", 1002, [frame(opcode.text, "a".repeat(200), { lengthBytes: 8 })]],
    ["a length with its highest bit", 1002, [bytes(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0)]],
    ["half a close code", 1002, [frame(opcode.close, bytes(3))]],
    ["a reason that is no UTF-8", 1007, [frame(opcode.close, Buffer.concat([closing(1000), bytes(0xff)]))]],
    ["a text that is no UTF-8", 1007, [frame(opcode.text, bytes(0xc3, 0x28))]],
    ["half a character at the end of a text", 1007, [frame(opcode.text, bytes(0xe2, 0x82))]],
    ["a message that is too large", 1009, [frame(opcode.binary, Buffer.alloc(maxBytes + 1))]],
    ["a large message that is only announced", 1009, [bytes(0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0)]],
    ["fragments that are too large together", 1009, [
      frame(opcode.binary, Buffer.alloc(maxBytes), { fin: false }),
      frame(opcode.continuation, "a"),
    ]],
  ];
  for (const [what, code, chunks] of wrong) {
    it(`refuses ${what} with ${code}, and what follows`, () => {
      assert.equal(violationOf(...chunks, frame(opcode.text, "after")), code);
    });
  }

  it("takes the largest message that it may", () => {
    assert.equal(decode(frame(opcode.binary, Buffer.alloc(maxBytes)))[0]?.kind, "binary");
  });

  it("reads the same whatever pieces the bytes come in", () => {
    const message = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }).map((text) => ({
        kind: "text",
        code: opcode.text,
        body: Buffer.from(text),
      })),
      fc.uint8Array({ maxLength: 400 }).map((body) => ({
        kind: "binary",
        code: opcode.binary,
        body: Buffer.from(body),
      })),
    );
    const cuts = fc.array(fc.nat(), { maxLength: 5 });
    const written = message.chain((one) => fc.record({ one: fc.constant(one), cuts, ping: fc.boolean() }));
    fc.assert(
      fc.property(fc.array(written, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (messages, splits) => {
        const stream = Buffer.concat(
          messages.flatMap(({ one, cuts, ping }) =>
            cutAt(one.body, cuts).flatMap((part, index, { length }) => [
              frame(index === 0 ? one.code : opcode.continuation, part, { fin: index === length - 1 }),
              ...(ping ? [frame(opcode.ping, "!")] : []),
            ])
          ),
        );
        const whole = decode(stream);
        assert.deepEqual(decode(...cutAt(stream, splits)), whole);
        const bodies = whole.flatMap((got) =>
          got.kind === "text" ? [Buffer.from(got.text)] : got.kind === "binary" ? [Buffer.from(got.bytes)] : []
        );
        assert.deepEqual(bodies, messages.map(({ one }) => one.body));
      }),
    );
  });

  it("never throws, whatever comes", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
      const received = decode(...chunks);
      assert.ok(received.slice(0, -1).every(({ kind }) => kind !== "violation" && kind !== "close"));
    }));
  });
});

/** The pieces of `whole`, cut at these places; at least one, possibly empty. */
function cutAt(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (whole.length + 1)).sort((one, other) => one - other), whole.length];
  return at.slice(1).map((end, index) => whole.subarray(at[index], end));
}
