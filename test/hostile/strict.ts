import assert from "node:assert/strict";
import type { Arrival } from "../support/raw-backend.ts";
import type { RawHead } from "../support/raw-client.ts";

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
// No other line ends than CRLF, nothing before a colon, no folds. Control characters in a value are a case of their own.
const head = new RegExp(
  `^${token} [\\x21-\\x7e\\x80-\\xff]+ HTTP/1\\.1\\r\\n(?:${token}:[^\\0\\r\\n]*\\r\\n)+\\r\\n$`,
);

/** Holds a request that reached a backend to the letter of RFC 9112: whoever reads it reads the same. */
export function assertStrict(arrival: Arrival): void {
  const bytes = arrival.head.toString("latin1");
  const shown = JSON.stringify(bytes);
  assert.match(bytes, head, `a head without ambiguities: ${shown}`);
  assert.equal(arrival.all("host").length, 1, `one Host: ${shown}`);
  const lengths = arrival.all("content-length");
  const codings = arrival.all("transfer-encoding");
  assert.ok(lengths.length + codings.length <= 1, `one framing: ${shown}`);
  for (const length of lengths) assert.match(length, /^(?:0|[1-9]\d{0,15})$/, `a length: ${shown}`);
  for (const coding of codings) assert.equal(coding, "chunked", shown);
  assert.match(arrival.all("upgrade").join(), /^(?:websocket)?$/, `no other protocol: ${shown}`);
  for (const name of ["te", "trailer", "expect", "keep-alive", "proxy-connection"]) {
    assert.deepEqual(arrival.all(name), [], `no ${name}: ${shown}`);
  }
  for (
    const name of ["for", "host", "port", "proto"].map((end) => `x-forwarded-${end}`).concat("via", "x-request-id")
  ) {
    assert.equal(arrival.all(name).length, 1, `one ${name}: ${shown}`);
  }
}

// What frames, routes or guards a message says so before it: in a trailer it would come too late for some, and in time for others.
const forbidden =
  /^(?:content-|transfer-encoding|host|te|trailer|connection|upgrade|expect|authorization|cookie|set-cookie|via|forwarded|x-forwarded-|x-request-id)/i;

/** Holds the lines behind a last chunk to RFC 9110 §6.5.1. */
export function assertStrictTrailers(lines: readonly string[]): void {
  for (const line of lines) {
    assert.match(line, new RegExp(`^${token}:[^\\0\\r\\n]*$`));
    assert.doesNotMatch(line, forbidden);
  }
}

const answerHead = new RegExp(`^HTTP/1\\.[01] [2-5]\\d\\d [^\\0\\r\\n]*\\r\\n(?:${token}:[^\\0\\r\\n]*\\r\\n)*\\r\\n$`);

/** Holds an answer that a client got to the letter: no client reads two answers where the balancer sent one. */
export function assertStrictAnswer(answer: RawHead): void {
  const bytes = answer.bytes.toString("latin1");
  assert.match(bytes, answerHead, "a head without ambiguities");
  const lengths = answer.all("content-length");
  assert.ok(lengths.length + answer.all("transfer-encoding").length <= 1, `one framing: ${bytes}`);
  for (const length of lengths) assert.match(length, /^\d{1,16}$/, bytes);
}
