import { createHeaderReader, type FrameHeader, opcodes } from "./frame-header.ts";

/** What a server has sent: a whole message, a control frame, or what RFC 6455 forbids, with the code to close with. */
export type Received =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary" | "ping" | "pong"; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly code: number | undefined; readonly reason: string }
  | { readonly kind: "violation"; readonly code: 1002 | 1007 | 1009; readonly reason: string };

/** Takes frames apart, however their bytes come. */
export interface Decoder {
  push(bytes: Uint8Array): void;
  /** The next one that is whole; `undefined`: more bytes are needed, or a close or a violation was the last. */
  next(): Received | undefined;
}

/** @param maxBytes of a message, all its fragments together */
export function createDecoder(maxBytes: number): Decoder {
  const reader = createHeaderReader();
  const waiting: Uint8Array[] = [];
  let at = 0; // in the first that waits
  let header: FrameHeader | undefined;
  let payload: Uint8Array[] = []; // of the frame that is being read
  let left = 0;
  let refused: Received | undefined;
  let message: { readonly opcode: number; readonly gathered: Gathered } | undefined;
  let over = false;

  /** Reads on in what waits; gives back whether a frame is whole. */
  function readFrame(): boolean {
    for (;;) {
      if (header !== undefined && left === 0) return true;
      const bytes = waiting[0];
      if (bytes === undefined) return false;
      if (header === undefined) {
        at = reader.take(bytes, at);
        header = reader.header();
        left = header?.length ?? 0;
        // Refused before its payload is read: a length that is announced costs nothing yet.
        refused = header && refusal(header);
        if (refused !== undefined) return true;
      } else {
        const end = Math.min(at + left, bytes.length);
        payload.push(bytes.subarray(at, end));
        left -= end - at;
        at = end;
      }
      if (at === bytes.length) {
        waiting.shift();
        at = 0;
      }
    }
  }

  function refusal({ fin, reserved, opcode, masked, length, isMinimal }: FrameHeader): Received | undefined {
    if (reserved !== 0) return violation(1002, "a reserved bit is set");
    if (masked) return violation(1002, "a server's frame is masked");
    if (!isMinimal) return violation(1002, "a length is not written as it has to be");
    if (opcode >= opcodes.close) {
      if (opcode > opcodes.pong) return violation(1002, "an unknown opcode");
      if (!fin || length > 125) return violation(1002, "a control frame is fragmented or too long");
      return undefined;
    }
    if (opcode > opcodes.binary) return violation(1002, "an unknown opcode");
    if ((opcode === opcodes.continuation) !== (message !== undefined)) {
      return violation(1002, "a fragment is out of order");
    }
    if (length + (message?.gathered.length ?? 0) > maxBytes) {
      return violation(1009, `a message has more than ${maxBytes} bytes`);
    }
    return undefined;
  }

  function received({ fin, opcode }: FrameHeader, parts: Uint8Array[]): Received | undefined {
    if (opcode === opcodes.close) return close(joined(parts));
    if (opcode === opcodes.ping) return { kind: "ping", bytes: joined(parts) };
    if (opcode === opcodes.pong) return { kind: "pong", bytes: joined(parts) };
    if (fin && message === undefined) return data(opcode, joined(parts));
    message ??= { opcode, gathered: gather() };
    for (const part of parts) message.gathered.add(part);
    if (!fin) return undefined;
    const whole = message;
    message = undefined;
    return data(whole.opcode, whole.gathered.bytes());
  }

  function data(opcode: number, bytes: Uint8Array): Received {
    if (opcode === opcodes.binary) return { kind: "binary", bytes };
    const decoded = decodeText(bytes);
    return decoded === undefined ? violation(1007, "a text is not UTF-8") : { kind: "text", text: decoded };
  }

  return {
    push: (bytes) => void (bytes.length > 0 && waiting.push(bytes)),
    next() {
      while (!over && readFrame()) {
        const result = refused ?? received(header!, payload);
        header = undefined;
        reader.reset();
        payload = [];
        if (result === undefined) continue;
        over = result.kind === "close" || result.kind === "violation";
        return result;
      }
      return undefined;
    },
  };
}

const violation = (code: 1002 | 1007 | 1009, reason: string): Received => ({ kind: "violation", code, reason });

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The fragments of a message. Copied together as they come, because a list of a million small ones would be far larger than they are. */
interface Gathered {
  readonly length: number;
  add(bytes: Uint8Array): void;
  bytes(): Uint8Array;
}

function gather(): Gathered {
  let room = new Uint8Array(0);
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(bytes) {
      if (length + bytes.length > room.length) {
        const larger = new Uint8Array(Math.max(2 * room.length, length + bytes.length));
        larger.set(room.subarray(0, length));
        room = larger;
      }
      room.set(bytes, length);
      length += bytes.length;
    },
    bytes: () => room.subarray(0, length),
  };
}

// A byte order mark is part of the text.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Codes that only tell of a connection, and never stand in a frame (RFC 6455 §7.4.1). */
const unsent: ReadonlySet<number> = new Set([1005, 1006, 1015]);

function close(payload: Uint8Array): Received {
  if (payload.length === 0) return { kind: "close", code: undefined, reason: "" };
  if (payload.length === 1) return violation(1002, "half a close code");
  const code = payload[0]! * 256 + payload[1]!;
  if (code < 1000 || code > 4999 || unsent.has(code)) return violation(1002, "a close code that cannot be");
  const reason = decodeText(payload.subarray(2));
  return reason === undefined ? violation(1007, "a reason is not UTF-8") : { kind: "close", code, reason };
}
