import type { Buffer } from "node:buffer";
import { type Head, malformed, parseHead } from "./head.ts";
import { createMessageParser, type MessageReading, type MessageRules } from "./message-parser.ts";

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

const rules: MessageRules = { maxHeadBytes: 64 * 1024, malformed, tooLong: (what) => malformed(`${what} is too long`) };

const nobody: Reading = { method: "", upgrading: false, onInterim() {}, onHead() {}, onData() {}, onEnd() {} };

/** A parser for the answers of one connection. */
export function createParser(): Parser {
  let reading = nobody;

  function onHead(text: string): ReturnType<MessageReading["onHead"]> {
    const head = parseHead(text, reading.method);
    if (head.status >= 200) {
      reading.onHead(head);
      return head.framing;
    }
    if (head.status === 101) {
      if (!reading.upgrading) malformed("another protocol that nobody asked for");
      reading.onHead(head);
      return "switched";
    }
    if (head.status < 100) malformed("the status");
    reading.onInterim(head);
    return "head";
  }

  const parser = createMessageParser({
    onHead,
    onData: (bytes) => reading.onData(bytes),
    onEnd(trailers) {
      const told = reading;
      reading = nobody; // a connection at rest would keep all of the request before alive
      told.onEnd(trailers);
    },
    checkBeginning,
  }, rules);

  return {
    begin(next) {
      reading = next;
      parser.begin();
    },
    push: parser.push,
    finish: parser.finish,
  };
}

/** What cannot become a head is not waited for. */
function checkBeginning(bytes: Buffer): void {
  const beginning = "HTTP/1.";
  const seen = bytes.toString("latin1", 0, Math.min(bytes.length, beginning.length));
  if (!beginning.startsWith(seen)) malformed("it is not HTTP/1");
}
