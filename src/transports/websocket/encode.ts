import type { opcodes } from "./frame-header.ts";

export type Opcode = typeof opcodes[keyof typeof opcodes];

const encoder = new TextEncoder();

/** A whole message in one frame. @param masked towards a server, with a new mask each time (RFC 6455 §5.3) */
export function encodeFrame(opcode: Opcode, payload: Uint8Array, masked: boolean): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  const frame = new Uint8Array(start + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, start);
  if (!masked) return frame;
  crypto.getRandomValues(frame.subarray(start - 4, start));
  mask(frame, start);
  return frame;
}

/** Masks what follows the four bytes before `start`. */
function mask(frame: Uint8Array<ArrayBuffer>, start: number): void {
  // By words where they are aligned: a byte at a time, a large message takes several times as long.
  const aligned = Math.min(start + ((4 - (start % 4)) % 4), frame.length);
  const words = new Uint32Array(frame.buffer, 0, frame.length >> 2);
  const key = new Uint8Array(4);
  for (let index = 0; index < 4; index++) key[index] = frame[start - 4 + ((aligned - start + index) % 4)]!;
  const word = new Uint32Array(key.buffer)[0]!;
  const flip = (from: number, to: number) => {
    for (let at = from; at < to; at++) frame[at]! ^= frame[start - 4 + ((at - start) % 4)]!;
  };
  flip(start, aligned);
  for (let index = aligned >> 2; index < words.length; index++) words[index]! ^= word;
  flip(Math.max(aligned, words.length << 2), frame.length);
}

/** A close frame's payload; a reason that is too long is cut at a character. @param code `undefined`: none, as 1005 tells */
export function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  const payload = new Uint8Array(125);
  new DataView(payload.buffer).setUint16(0, code);
  const { written } = encoder.encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}
