import { Buffer } from "node:buffer";
import { ProxyError } from "../../../src/core/errors.ts";
import type { Head } from "../../../src/transports/http1/head.ts";
import { createParser, type Parser } from "../../../src/transports/http1/parser.ts";

/** What was told of an answer, and how its reading ended. */
export interface Told {
  readonly interim: readonly Head[];
  readonly head: Head | undefined;
  readonly body: string;
  /** Trailers, once the body has ended. */
  readonly trailers: readonly string[] | undefined;
  /** What stood behind the answer. */
  readonly excess: string;
  /** The code of what the parser threw. */
  readonly error: string | undefined;
}

export interface ReadOptions {
  readonly method?: string;
  readonly upgrading?: boolean;
  /** Whether the connection ends after the last piece. */
  readonly ends?: boolean;
  readonly parser?: Parser;
}

export const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

/** Gives an answer to a parser piece by piece, as reads from a socket would. */
export function read(pieces: readonly Uint8Array[], options: ReadOptions = {}): Told {
  const { method = "GET", upgrading = false, ends = false, parser = createParser() } = options;
  const interim: Head[] = [];
  const body: Buffer[] = [];
  let head: Head | undefined;
  let trailers: readonly string[] | undefined;
  let excess = "";
  let error: string | undefined;
  parser.begin({
    method,
    upgrading,
    onInterim: (early) => void interim.push(early),
    onHead: (received) => (head = received),
    onData: (bytes) => void body.push(Buffer.from(bytes)),
    onEnd: (received) => (trailers = received),
  });
  try {
    for (const piece of pieces) excess += parser.push(Buffer.from(piece))?.toString("latin1") ?? "";
    if (ends) parser.finish();
  } catch (thrown) {
    if (!(thrown instanceof ProxyError)) throw thrown;
    error = thrown.code;
  }
  return { interim, head, body: Buffer.concat(body).toString("latin1"), trailers, excess, error };
}

/** The same bytes in pieces that end at these places; places beyond the end are passed over. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places)].filter((at) => at > 0 && at < bytes.length).sort((one, other) => one - other);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}
