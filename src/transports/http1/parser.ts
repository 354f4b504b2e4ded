import { Buffer } from "node:buffer";
import { type Head, malformed, parseHead, parseTrailers } from "./head.ts";

/** Who is told what an answer is made of, in its order. */
export interface Reading {
  /** Of the request: an answer to HEAD has no body. */
  readonly method: string;
  /** Whether the request asked for another protocol. */
  readonly upgrading: boolean;
  /** An answer before the answer: 100, 102, 103. */
  onInterim(head: Head): void;
  onHead(head: Head): void;
  onData(bytes: Buffer): void;
  onEnd(trailers: readonly string[]): void;
}

/** Takes what comes from a backend's socket to pieces. */
export interface Parser {
  /** Begins the next answer. */
  begin(reading: Reading): void;
  /**
   * Gives back what stood after the answer's end, or after a switch of protocols; `undefined`: nothing.
   * @throws {ProxyError} `http_protocol_error`
   */
  push(bytes: Buffer): Buffer | undefined;
  /** The connection has ended: whether that was the answer's end. */
  finish(): boolean;
}

const maxHeadBytes = 64 * 1024;
const emptyLine = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");
const nothing: readonly string[] = [];

type State = "idle" | "head" | "length" | "close" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "switched";

const nobody: Reading = { method: "", upgrading: false, onInterim() {}, onHead() {}, onData() {}, onEnd() {} };

/** A parser for the answers of one connection. */
export function createParser(): Parser {
  let state: State = "idle";
  let reading = nobody;
  let held: Buffer | undefined; // the beginning of what is not complete yet
  let left = 0; // bytes of the body or the chunk
  let headBytes = 0; // of all heads of this answer: backends may send interim ones without end

  function begin(next: Reading): void {
    reading = next;
    state = "head";
    headBytes = 0;
  }

  function push(bytes: Buffer): Buffer | undefined {
    let rest = held === undefined ? bytes : Buffer.concat([held, bytes]);
    held = undefined;
    while (rest.length > 0) {
      if (state === "idle" || state === "switched") return rest;
      const after = step(rest);
      if (after === undefined) {
        held = Buffer.from(rest); // the memory of a read is used again
        return undefined;
      }
      rest = after;
    }
    return undefined;
  }

  /** Takes what it can; gives back the rest, `undefined` when more is needed to go on. */
  function step(bytes: Buffer): Buffer | undefined {
    switch (state) {
      case "head":
        return takeHead(bytes);
      case "length":
        return takeBody(bytes, end);
      case "chunk":
        return takeBody(bytes, () => (state = "chunk-end"));
      case "close":
        reading.onData(bytes);
        return bytes.subarray(bytes.length);
      case "chunk-size":
        return takeChunkSize(bytes);
      case "chunk-end":
        return takeChunkEnd(bytes);
      case "trailers":
        return takeTrailers(bytes);
      default:
        return bytes;
    }
  }

  function takeHead(bytes: Buffer): Buffer | undefined {
    const at = endOf(bytes, emptyLine);
    if (at === undefined) {
      checkBeginning(bytes);
      return undefined;
    }
    headBytes += at;
    if (headBytes > maxHeadBytes) malformed("its head is too long");
    const head = parseHead(bytes.toString("latin1", 0, at), reading.method);
    const rest = bytes.subarray(at + 4);
    if (head.status >= 200) takeFinal(head);
    else if (head.status === 101) takeSwitch(head);
    else if (head.status >= 100) reading.onInterim(head);
    else malformed("the status");
    return rest;
  }

  function takeFinal(head: Head): void {
    reading.onHead(head);
    const { framing } = head;
    if (framing === 0) return end();
    if (typeof framing === "number") {
      left = framing;
      state = "length";
    } else {
      state = framing === "chunked" ? "chunk-size" : "close";
    }
  }

  function takeSwitch(head: Head): void {
    if (!reading.upgrading) malformed("another protocol that nobody asked for");
    state = "switched";
    reading.onHead(head);
  }

  function takeBody(bytes: Buffer, full: () => void): Buffer {
    const part = bytes.length <= left ? bytes : bytes.subarray(0, left);
    left -= part.length;
    reading.onData(part);
    if (left === 0) full();
    return bytes.subarray(part.length);
  }

  function takeChunkSize(bytes: Buffer): Buffer | undefined {
    const at = endOf(bytes, lineEnd);
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

  function takeTrailers(bytes: Buffer): Buffer | undefined {
    const none = bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10;
    const at = none ? 0 : endOf(bytes, emptyLine);
    if (at === undefined) return undefined;
    end(none ? nothing : parseTrailers(bytes.toString("latin1", 0, at)));
    return bytes.subarray(none ? 2 : at + 4);
  }

  function end(trailers: readonly string[] = nothing): void {
    const told = reading;
    state = "idle";
    reading = nobody; // a connection at rest would keep all of the request before alive
    told.onEnd(trailers);
  }

  function finish(): boolean {
    if (state !== "close") return false;
    end();
    return true;
  }

  return { begin, push, finish };
}

/** Where the mark begins; `undefined`: more is needed. What is too long is so however it was cut into reads. */
function endOf(bytes: Buffer, mark: Buffer): number | undefined {
  const at = bytes.indexOf(mark);
  const earliest = at < 0 ? bytes.length - mark.length + 1 : at;
  if (earliest > maxHeadBytes) malformed("a line is too long");
  return at < 0 ? undefined : at;
}

/** What cannot become a head is not waited for. */
function checkBeginning(bytes: Buffer): void {
  const beginning = "HTTP/1.";
  const seen = bytes.toString("latin1", 0, Math.min(bytes.length, beginning.length));
  if (!beginning.startsWith(seen)) malformed("it is not HTTP/1");
}
