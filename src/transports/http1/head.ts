import { ProxyError } from "../../core/errors.ts";
import { endOfLine, lists, parseFields } from "./field-lines.ts";
import type { Framing } from "./message-parser.ts";

/** An answer's status line and fields, as they came. */
export interface Head {
  /** The minor version of HTTP/1. */
  readonly minor: number;
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value, in Latin-1. */
  readonly fields: readonly string[];
  /** The fields' names in lower case. */
  readonly names: readonly string[];
  /** What the Connection fields name, in lower case; `null`: there is none. */
  readonly connection: string | null;
  readonly framing: Framing;
  /** Whether the backend lets its connection be used again. */
  readonly keepAlive: boolean;
  /** Seconds for which it keeps an idle connection, where it says so. */
  readonly keepAliveSeconds: number | undefined;
}

const statusLine = /^HTTP\/1\.([01]) ([0-9]{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/**
 * Reads an answer's head without its last empty line.
 *
 * Strict, because whatever is read in two ways is a way to smuggle: no bare line feeds, no folded lines, no space before a colon,
 * and one length at most.
 *
 * @throws {ProxyError} `http_protocol_error`
 */
export function parseHead(text: string, method: string): Head {
  const first = endOfLine(text, 0, malformed);
  const [, minor, digits, reason = ""] = statusLine.exec(text.slice(0, first)) ?? malformed("the status line");
  const status = Number(digits);
  const { fields, names } = parseFields(text, first, malformed);
  let length: string | undefined;
  let coding: string | undefined;
  let connection: string | null = null;
  let keepAliveSeconds: number | undefined;
  for (let index = 0; index < names.length; index++) {
    const value = fields[2 * index + 1]!;
    switch (names[index]) {
      case "content-length":
        length = length === undefined ? value : malformed("two lengths");
        break;
      case "transfer-encoding":
        coding = coding === undefined ? value : `${coding}, ${value}`;
        break;
      case "connection":
        connection = connection === null ? value.toLowerCase() : `${connection},${value.toLowerCase()}`;
        break;
      case "keep-alive":
        keepAliveSeconds = secondsOf(value);
    }
  }
  const framing = framingOf(method, status, minor!, length, coding);
  const keepAlive = minor === "1"
    ? !lists(connection, "close")
    : lists(connection, "keep-alive") && !lists(connection, "close");
  return { minor: Number(minor), status, reason, fields, names, connection, framing, keepAlive, keepAliveSeconds };
}

/** RFC 9112 §6.3, where an intermediary may only guess wrongly: what is ambiguous is an error. */
function framingOf(
  method: string,
  status: number,
  minor: string,
  length: string | undefined,
  coding: string | undefined,
): Framing {
  const bytes = length === undefined ? undefined : /^\d{1,15}$/.test(length) ? Number(length) : malformed("the length");
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return 0;
  if (coding === undefined) return bytes ?? "close";
  if (coding.toLowerCase() !== "chunked" || minor === "0") malformed("the transfer coding");
  if (length !== undefined) malformed("a length beside a transfer coding");
  return "chunked";
}

function secondsOf(keepAlive: string): number | undefined {
  const [, seconds] = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(keepAlive) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

export function malformed(what: string): never {
  throw new ProxyError("http_protocol_error", { cause: new Error(`the answer cannot be read: ${what}`) });
}
