import { ProxyError } from "../../core/errors.ts";

/** An answer's status line and fields, as they came. */
export interface Head {
  /** The minor version of HTTP/1. */
  readonly minor: number;
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value, in Latin-1. */
  readonly fields: readonly string[];
  readonly framing: Framing;
  /** Whether the backend lets its connection be used again. */
  readonly keepAlive: boolean;
  /** Seconds for which it keeps an idle connection, where it says so. */
  readonly keepAliveSeconds: number | undefined;
}

/** How an answer's body ends (RFC 9112 §6.3): at once, after so many bytes, after its last chunk, or with the connection. */
export type Framing = number | "chunked" | "close";

const statusLine = /^HTTP\/1\.([01]) ([0-9]{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads an answer's head without its last empty line.
 *
 * Strict, because whatever is read in two ways is a way to smuggle: no bare line feeds, no folded lines, no space before a colon,
 * and one length at most.
 *
 * @throws {ProxyError} `http_protocol_error`
 */
export function parseHead(text: string, method: string): Head {
  const lines = text.split("\r\n");
  const [, minor, digits, reason = ""] = statusLine.exec(lines[0]!) ?? malformed("the status line");
  const status = Number(digits);
  const fields: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let keepAliveSeconds: number | undefined;
  for (let index = 1; index < lines.length; index++) {
    const [, name, padded] = fieldLine.exec(lines[index]!) ?? malformed("a field");
    const value = trim(padded!);
    fields.push(name!, value);
    switch (name!.length) {
      case 14:
        if (name!.toLowerCase() === "content-length") length = length === undefined ? value : malformed("two lengths");
        break;
      case 17:
        if (name!.toLowerCase() === "transfer-encoding") coding = coding === undefined ? value : `${coding}, ${value}`;
        break;
      case 10:
        if (name!.toLowerCase() === "connection") connection += `,${value.toLowerCase()}`;
        else if (name!.toLowerCase() === "keep-alive") keepAliveSeconds = secondsOf(value);
    }
  }
  const framing = framingOf(method, status, minor!, length, coding);
  const keepAlive = minor === "1" ? !names(connection, "close") : names(connection, "keep-alive");
  return { minor: Number(minor), status, reason, fields, framing, keepAlive, keepAliveSeconds };
}

/** Reads the fields after a last chunk. */
export function parseTrailers(text: string): readonly string[] {
  const fields: string[] = [];
  if (text === "") return fields;
  for (const line of text.split("\r\n")) {
    const [, name, padded] = fieldLine.exec(line) ?? malformed("a trailer field");
    fields.push(name!, trim(padded!));
  }
  return fields;
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
const names = (list: string, name: string) =>
  list.includes(name) && list.split(",").some((item) => item.trim() === name);

function secondsOf(keepAlive: string): number | undefined {
  const [, seconds] = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(keepAlive) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

function trim(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

const isSpace = (code: number) => code === 32 || code === 9;

export function malformed(what: string): never {
  throw new ProxyError("http_protocol_error", { cause: new Error(`the answer cannot be read: ${what}`) });
}
