import { Buffer } from "node:buffer";
import { parseFields } from "./field-lines.ts";

/** How a body ends (RFC 9112 §6.3): at once, after so many bytes, after its last chunk, or with the connection. */
export type Framing = number | "chunked" | "close";

/** Who is told what a message is made of, in its order. */
export interface MessageReading {
  /** Takes a head without its last empty line. Gives back what follows it: a body, another head, or nothing that is read here. */
  onHead(text: string): Framing | "head" | "switched";
  onData(bytes: Buffer): void;
  onEnd(trailers: readonly string[]): void;
  /** More is needed for a head: these are its first bytes, of which `seen` were told before. Throws for what cannot become one. */
  checkBeginning(bytes: Buffer, seen: number): void;
}

/** What a message is held to, and the errors that say so. */
export interface MessageRules {
  /** Of a head, of all heads before one body, of a chunk's line, and of the trailers. */
  readonly maxHeadBytes: number;
  malformed(what: string): never;
  /** @param bytes what came of it */
  tooLong(what: string, bytes: Buffer): never;
}

/** Takes what comes from a socket to pieces. */
export interface MessageParser {
  /** Begins the next message. */
  begin(): void;
  /** Gives back what stood after the message's end, or after a switch of protocols; `undefined`: nothing. */
  push(bytes: Buffer): Buffer | undefined;
  /** The connection has ended: whether that was the message's end. */
  finish(): boolean;
}

const emptyLine = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");
const nothing: readonly string[] = [];

type State = "idle" | "head" | "length" | "close" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "switched";

/** A parser for the messages of one direction of one connection (RFC 9112 §2). */
export function createMessageParser(reading: MessageReading, rules: MessageRules): MessageParser {
  const { maxHeadBytes, malformed, tooLong } = rules;
  let state: State = "idle";
  let held: Buffer | undefined; // the beginning of what is not complete yet
  let left = 0; // bytes of the body or the chunk
  let headBytes = 0; // of all heads before this body: backends may send interim ones without end

  function begin(): void {
    state = "head";
    headBytes = 0;
  }

  function push(bytes: Buffer): Buffer | undefined {
    let seen = held?.length ?? 0;
    let rest = held === undefined ? bytes : Buffer.concat([held, bytes]);
    held = undefined;
    while (rest.length > 0) {
      if (state === "idle" || state === "switched") return rest;
      const after = step(rest, seen);
      seen = 0;
      if (after === undefined) {
        held = Buffer.from(rest); // the memory of a read is used again
        return undefined;
      }
      rest = after;
    }
    return undefined;
  }

  /** Takes what it can; gives back the rest, `undefined` when more is needed to go on. */
  function step(bytes: Buffer, seen: number): Buffer | undefined {
    switch (state) {
      case "head":
        return takeHead(bytes, seen);
      case "length":
        return takeBody(bytes, end);
      case "chunk":
        return takeBody(bytes, () => (state = "chunk-end"));
      case "close":
        reading.onData(bytes);
        return bytes.subarray(bytes.length);
      case "chunk-size":
        return takeChunkSize(bytes, seen);
      case "chunk-end":
        return takeChunkEnd(bytes);
      case "trailers":
        return takeTrailers(bytes, seen);
      default:
        return bytes;
    }
  }

  function takeHead(bytes: Buffer, seen: number): Buffer | undefined {
    const at = endOf(bytes, emptyLine, seen);
    if (at === undefined) {
      reading.checkBeginning(bytes, seen);
      return undefined;
    }
    headBytes += at;
    if (headBytes > maxHeadBytes) tooLong("its head", bytes);
    const rest = bytes.subarray(at + 4);
    const following = reading.onHead(bytes.toString("latin1", 0, at));
    if (following === 0) end();
    else if (following === "chunked") state = "chunk-size";
    else if (typeof following === "string") state = following;
    else {
      left = following;
      state = "length";
    }
    return rest;
  }

  function takeBody(bytes: Buffer, full: () => void): Buffer {
    const part = bytes.length <= left ? bytes : bytes.subarray(0, left);
    left -= part.length;
    reading.onData(part);
    if (left === 0) full();
    return bytes.subarray(part.length);
  }

  function takeChunkSize(bytes: Buffer, seen: number): Buffer | undefined {
    const at = endOf(bytes, lineEnd, seen);
    if (at === undefined) return undefined;
    const [, size] = /^([0-9A-Fa-f]{1,13})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/.exec(bytes.toString("latin1", 0, at)) ??
      malformed("a chunk's size");
    left = Number.parseInt(size!, 16);
    state = left === 0 ? "trailers" : "chunk";
    return bytes.subarray(at + 2);
  }

  function takeChunkEnd(bytes: Buffer): Buffer | undefined {
    if (bytes[0] !== 13 || (bytes.length > 1 && bytes[1] !== 10)) malformed("a chunk's end");
    if (bytes.length < 2) return undefined;
    state = "chunk-size";
    return bytes.subarray(2);
  }

  function takeTrailers(bytes: Buffer, seen: number): Buffer | undefined {
    const none = bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10;
    const at = none ? 0 : endOf(bytes, emptyLine, seen);
    if (at === undefined) return undefined;
    end(none ? nothing : parseFields(bytes.toString("latin1", 0, at), -2, malformed).fields);
    return bytes.subarray(none ? 2 : at + 4);
  }

  function end(trailers: readonly string[] = nothing): void {
    state = "idle";
    reading.onEnd(trailers);
  }

  function finish(): boolean {
    if (state !== "close") return false;
    end();
    return true;
  }

  /** Where the mark begins; `undefined`: more is needed. What is too long is so however it was cut into reads. */
  function endOf(bytes: Buffer, mark: Buffer, seen: number): number | undefined {
    const at = bytes.indexOf(mark, Math.max(0, seen - mark.length + 1));
    const earliest = at < 0 ? bytes.length - mark.length + 1 : at;
    if (earliest > maxHeadBytes) tooLong("a line", bytes);
    return at < 0 ? undefined : at;
  }

  return { begin, push, finish };
}
