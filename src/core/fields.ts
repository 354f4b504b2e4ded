import type { Fields } from "./ports.ts";

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "http2-settings",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What must not come after a body: it would be too late to frame, route or judge the message by it (RFC 9110 §6.5.1). */
const notInTrailers: ReadonlySet<string> = new Set([
  ...hopByHop,
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "range",
  "set-cookie",
  "via",
  "www-authenticate",
  "x-request-id",
]);

/** The trailer fields that are passed on: name, value, name, value. */
export function trailersToPass(fields: readonly string[]): readonly string[] {
  if (fields.length === 0) return fields;
  const passed: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!.toLowerCase();
    if (!notInTrailers.has(name) && !name.startsWith("x-forwarded-")) passed.push(fields[index]!, fields[index + 1]!);
  }
  return passed;
}

/** What a field's name is made of (RFC 9110 §5.6.2); no Headers takes anything else. */
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

const seen = new Map<string, string>();

/** A field's name in lower case, `undefined` for what cannot be one. Names are few and come again: they are remembered. */
export function tokenOf(name: string): string | undefined {
  const before = seen.get(name);
  if (before !== undefined) return before;
  const lower = name.toLowerCase();
  if (!token.test(lower)) return undefined;
  if (seen.size < 1000 && name.length <= 40) seen.set(name, lower);
  return lower;
}

/**
 * Names of fields that go no further than one connection, those that a Connection field names among them (RFC 9110 §7.6.1).
 *
 * Where it names none, they are `more` itself.
 */
export function hopByHopNames(connection: string | null, more: ReadonlySet<string> = hopByHop): ReadonlySet<string> {
  if (connection === null || /^(?:keep-alive|close)$/i.test(connection)) return more;
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  return new Set([...more, ...names.filter((name) => token.test(name))]);
}

/** The fields that every message's next hop must not see, and `more`. */
export function withHopByHop(more: Iterable<string>): ReadonlySet<string> {
  return new Set([...hopByHop, ...more]);
}

/** Fields as a parser gives them: name, value, name, value. @param names in lower case */
export function rawFields(lines: readonly string[], names: readonly string[] = namesOf(lines)): Fields {
  return {
    get(name) {
      let value: string | null = null;
      for (let index = 0; index < names.length; index++) {
        if (names[index] !== name) continue;
        const more = lines[2 * index + 1]!;
        // Cookies are the one list without commas (RFC 6265 §5.4).
        value = value === null ? more : value + (name === "cookie" ? "; " : ", ") + more;
      }
      return value;
    },
    has: (name) => names.includes(name),
    forEach(visit) {
      for (let index = 0; index < lines.length; index += 2) visit(lines[index + 1]!, lines[index]!);
    },
  };
}

function namesOf(lines: readonly string[]): string[] {
  const names: string[] = [];
  for (let index = 0; index < lines.length; index += 2) names.push(lines[index]!.toLowerCase());
  return names;
}
