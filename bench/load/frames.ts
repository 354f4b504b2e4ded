/** WebSocket frames, RFC 6455 §5.2, as far as an echo needs them: unfragmented, under 64 KiB. */

/** Of the frame that begins the buffer, as a whole; `undefined` where that is not known yet. */
export function frameLength(buffer: Buffer): number | undefined {
  const head = headLength(buffer);
  return head === undefined ? undefined : head + payloadLength(buffer);
}

/** Unmasked. */
export function payloadOf(frame: Buffer): Buffer {
  const head = headLength(frame) ?? 0;
  const payload = Buffer.from(frame.subarray(head));
  if (!isMasked(frame)) return payload;
  const mask = frame.subarray(head - 4, head);
  for (let index = 0; index < payload.length; index++) {
    payload[index]! ^= mask[index & 3]!;
  }
  return payload;
}

/** The same kind of frame, as a server sends it. */
export function unmaskedFrame(like: Buffer, payload: Buffer): Buffer {
  return Buffer.concat([head(like[0]!, payload.length, 0), payload]);
}

/** A text message as a client sends it. */
export function maskedText(text: string): Buffer {
  const mask = Buffer.from([0x5a, 0x13, 0xc7, 0x2e]);
  const payload = Buffer.from(text);
  for (let index = 0; index < payload.length; index++) {
    payload[index]! ^= mask[index & 3]!;
  }
  return Buffer.concat([head(0x81, payload.length, 0x80), mask, payload]);
}

function head(first: number, length: number, maskBit: number): Buffer {
  return length < 126
    ? Buffer.from([first, maskBit | length])
    : Buffer.from([first, maskBit | 126, length >> 8, length & 255]);
}

const isMasked = (buffer: Buffer) => (buffer[1]! & 0x80) !== 0;

function headLength(buffer: Buffer): number | undefined {
  if (buffer.length < 4) {
    return buffer.length >= 2 && isShort(buffer) && !isMasked(buffer) ? 2 : undefined;
  }
  return (isShort(buffer) ? 2 : 4) + (isMasked(buffer) ? 4 : 0);
}

const isShort = (buffer: Buffer) => (buffer[1]! & 0x7f) < 126;
const payloadLength = (
  buffer: Buffer,
) => (isShort(buffer) ? buffer[1]! & 0x7f : (buffer[2]! << 8) | buffer[3]!);
