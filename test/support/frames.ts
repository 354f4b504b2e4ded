import type { ByteReader } from "./byte-reader.ts";

/** A WebSocket frame as it stood on the wire, unmasked. */
export interface Frame {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

export interface FrameForm {
  readonly fin?: boolean;
  readonly reserved?: number;
  /** As a client's frames are. */
  readonly masked?: boolean;
  /** Bytes for the length: 0, 2 or 8; absent: as few as possible. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** The bytes of one frame, right or wrong. */
export function frame(opcode: number, payload: string | Uint8Array = "", form: FrameForm = {}): Buffer {
  const { fin = true, reserved = 0, masked = false } = form;
  const body = Buffer.from(payload);
  const { lengthBytes = body.length < 126 ? 0 : body.length < 65_536 ? 2 : 8 } = form;
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? body.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(body.length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  return Buffer.concat([head, key, unmask(body, key)]);
}

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The payload of a close frame. */
export function closing(code: number, reason = ""): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(code);
  return Buffer.concat([bytes, Buffer.from(reason)]);
}

/** Code and reason of a close frame; `undefined` where it has none. */
export const closeOf = ({ payload }: Frame): readonly [code: number | undefined, reason: string] =>
  payload.length === 0 ? [undefined, ""] : [payload.readUInt16BE(), payload.subarray(2).toString()];

/** The frames in `bytes`, and what is left of one that is not whole. */
export function parseFrames(bytes: Uint8Array): { readonly frames: readonly Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let rest = Buffer.from(bytes);
  for (;;) {
    const size = frameSize(rest);
    if (size === undefined || rest.length < size.total) return { frames, rest };
    frames.push(parse(rest.subarray(0, size.total), size.head));
    rest = rest.subarray(size.total);
  }
}

/** The next frame; `undefined` when the connection ends before it is whole. */
export async function readFrame(reader: ByteReader): Promise<Frame | undefined> {
  let bytes = await reader.take(2);
  for (;;) {
    const size = frameSize(bytes);
    if (size !== undefined && bytes.length >= size.total) return parse(bytes, size.head);
    const missing = (size?.total ?? headSize(bytes)) - bytes.length;
    const more = await reader.take(missing);
    if (more.length < missing) return undefined;
    bytes = Buffer.concat([bytes, more]);
  }
}

function headSize(bytes: Buffer): number {
  if (bytes.length < 2) return 2;
  const short = bytes[1]! & 0x7f;
  return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + (bytes[1]! >= 0x80 ? 4 : 0);
}

function frameSize(bytes: Buffer): { readonly head: number; readonly total: number } | undefined {
  const head = headSize(bytes);
  if (bytes.length < head) return undefined;
  const short = bytes[1]! & 0x7f;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return { head, total: head + length };
}

function parse(bytes: Buffer, head: number): Frame {
  const masked = bytes[1]! >= 0x80;
  const payload = bytes.subarray(head);
  return {
    fin: bytes[0]! >= 0x80,
    reserved: (bytes[0]! >> 4) & 7,
    opcode: bytes[0]! & 15,
    masked,
    payload: masked ? unmask(payload, bytes.subarray(head - 4, head)) : payload,
  };
}

function unmask(bytes: Buffer, key: Buffer): Buffer {
  const plain = Buffer.from(bytes);
  for (let index = 0; index < plain.length; index++) plain[index]! ^= key[index & 3]!;
  return plain;
}
