import { ProxyError } from "../../core/errors.ts";
import { tokenOf } from "../../core/fields.ts";

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

/** How an answer's body ends (RFC 9112 §6.3): at once, after so many bytes, after its last chunk, or with the connection. */
export type Framing = number | "chunked" | "close";

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
  const first = lineEnd(text, 0);
  const [, minor, digits, reason = ""] = statusLine.exec(text.slice(0, first)) ?? malformed("the status line");
  const status = Number(digits);
  const { fields, names } = parseFields(text, first);
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
  const keepAlive = minor === "1" ? !lists(connection, "close") : lists(connection, "keep-alive");
  return { minor: Number(minor), status, reason, fields, names, connection, framing, keepAlive, keepAliveSeconds };
}

/** Lines from the end of the first one on. */
function parseFields(text: string, from: number): { fields: readonly string[]; names: readonly string[] } {
  if (controls.test(text)) malformed("a control character");
  const fields: string[] = [];
  const names: string[] = [];
  for (let end = from; end < text.length;) {
    const start = end + 2;
    end = lineEnd(text, start);
    const colon = text.indexOf(":", start);
    if (colon < 0 || colon >= end) malformed("a field");
    const name = text.slice(start, colon);
    fields.push(name, trimmed(text, colon + 1, end));
    names.push(tokenOf(name) ?? malformed("a field's name"));
  }
  return { fields, names };
}

const controls = /[^\t\r\n\x20-\x7e\x80-\xff]/;

/** Where a line ends: at a CR LF or with the text, and nowhere else. */
function lineEnd(text: string, start: number): number {
  const at = text.indexOf("\r", start);
  const end = at < 0 ? text.length : at;
  const feed = text.indexOf("\n", start);
  if (at < 0 ? feed >= 0 : feed !== at + 1) malformed("a line's end");
  return end;
}

/** Reads the fields after a last chunk. */
export function parseTrailers(text: string): readonly string[] {
  return text === "" ? [] : parseFields(text, -2).fields;
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

/** Whether a list in lower case has a name in it. */
const lists = (list: string | null, name: string) =>
  list !== null && list.includes(name) && list.split(",").some((item) => item.trim() === name);

function secondsOf(keepAlive: string): number | undefined {
  const [, seconds] = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(keepAlive) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isSpace = (code: number) => code === 32 || code === 9;

export function malformed(what: string): never {
  throw new ProxyError("http_protocol_error", { cause: new Error(`the answer cannot be read: ${what}`) });
}
