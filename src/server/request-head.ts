import type { Buffer } from "node:buffer";
import { ProxyError } from "../core/errors.ts";
import { endOfLine, lists, parseFields } from "../transports/http1/field-lines.ts";

/** A request's line and fields, as they came. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The minor version of HTTP/1. */
  readonly minor: 0 | 1;
  /** Name, value, name, value, in Latin-1. */
  readonly fields: readonly string[];
  /** The fields' names in lower case. */
  readonly names: readonly string[];
  readonly host: string | undefined;
  /** How the body ends (RFC 9112 §6.3): after so many bytes or after its last chunk. */
  readonly framing: number | "chunked";
  /** Whether the client lets its connection be used again. */
  readonly keepAlive: boolean;
  /** Whether it waits to be asked for the body. */
  readonly expects: boolean;
  /** Whether it asks for another protocol: what follows the head may be that. */
  readonly upgrades: boolean;
}

/** One space and one only, and nothing after the version (RFC 9112 §3). Bytes beyond ASCII are the backend's affair. */
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;

/**
 * Reads a request's head without its last empty line.
 *
 * Strict, because whatever is read in two ways is a way to smuggle: one length at most and none beside a coding, no coding but chunked.
 *
 * @throws {ProxyError} `malformed_request`, `version_not_supported`, `expectation_failed`
 */
export function parseRequestHead(text: string): RequestHead {
  const first = endOfLine(text, 0, malformed);
  const [, method, target, version] = requestLine.exec(text.slice(0, first)) ?? misread(text.slice(0, first));
  const { fields, names } = parseFields(text, first, malformed);
  const minor = version === "1" ? 1 : 0;
  let host: string | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  let connection: string | null = null;
  let expectation: string | undefined;
  let upgrades = false;
  for (let index = 0; index < names.length; index++) {
    const value = fields[2 * index + 1]!;
    switch (names[index]) {
      case "host":
        host = host === undefined ? value : malformed("Host comes twice");
        break;
      case "content-length":
        length = length === undefined ? value : malformed("Content-Length comes twice");
        break;
      case "transfer-encoding":
        coding = coding === undefined ? value : malformed("Transfer-Encoding comes twice");
        break;
      case "connection":
        connection = connection === null ? value.toLowerCase() : `${connection},${value.toLowerCase()}`;
        break;
      case "expect":
        expectation = expectation === undefined ? value.toLowerCase() : `${expectation}, ${value}`;
        break;
      case "upgrade":
        upgrades = true;
    }
  }
  if (expectation !== undefined && expectation !== "100-continue") throw new ProxyError("expectation_failed");
  const framing = framingOf(minor, length, coding);
  return {
    method: method!,
    target: target!,
    minor,
    fields,
    names,
    host,
    framing,
    keepAlive: minor === 1
      ? !lists(connection, "close")
      : lists(connection, "keep-alive") && !lists(connection, "close"),
    expects: expectation !== undefined && minor === 1 && framing !== 0, // RFC 9110 §10.1.1
    upgrades: upgrades && minor === 1,
  };
}

function framingOf(minor: number, length: string | undefined, coding: string | undefined): number | "chunked" {
  if (length !== undefined && !/^\d{1,15}$/.test(length)) malformed("Content-Length is not a number");
  if (coding === undefined) return length === undefined ? 0 : Number(length);
  if (coding.toLowerCase() !== "chunked") malformed("Transfer-Encoding is not chunked");
  if (minor === 0) malformed("HTTP/1.0 has no Transfer-Encoding"); // RFC 9112 §6.1
  return length === undefined ? "chunked" : malformed("Content-Length stands beside Transfer-Encoding");
}

/**
 * What cannot become a head is not waited for.
 *
 * @param bytes the beginning of one
 * @throws {ProxyError} as `parseRequestHead`
 */
export function checkRequestBeginning(bytes: Buffer, seen: number): void {
  const first = bytes.indexOf(10);
  // TLS on a port without it begins otherwise than any method, or than the empty line that may stand before one (RFC 9112 §2.2).
  if (first < 0 && bytes[0] !== 13 && !(bytes[0]! > 0x20 && bytes[0]! < 0x7f)) malformed("it begins with no method");
  for (let feed = bytes.indexOf(10, seen); feed >= 0; feed = bytes.indexOf(10, feed + 1)) {
    if (bytes[feed - 1] !== 13) malformed("a line ends without CR");
  }
  if (first < seen) return;
  const line = bytes.toString("latin1", 0, Math.max(0, first - 1));
  if (line !== "" && !requestLine.test(line)) misread(line);
}

function misread(line: string): never {
  if (/ HTTP\/\d(?:\.\d+)?$/.test(line) && !/ HTTP\/1\.[01]$/.test(line)) throw new ProxyError("version_not_supported");
  return malformed("the request line is not a method, a target and a version");
}

export function malformed(what: string): never {
  throw new ProxyError("malformed_request", { detail: `${what[0]!.toUpperCase()}${what.slice(1)}.` });
}
