import type { Fields } from "./ports.ts";

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What a field's name is made of (RFC 9110 §5.6.2); no Headers takes anything else. */
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Names of fields that go no further than one connection, those that a Connection field names among them (RFC 9110 §7.6.1). */
export function hopByHopNames(connection: string | null, more: ReadonlySet<string> = hopByHop): ReadonlySet<string> {
  if (connection === null || /^(?:keep-alive|close)$/i.test(connection)) return more;
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  return new Set([...more, ...names.filter((name) => token.test(name))]);
}

/** The fields that every message's next hop must not see, and `more`. */
export function withHopByHop(more: Iterable<string>): ReadonlySet<string> {
  return new Set([...hopByHop, ...more]);
}

/** Fields as a parser gives them: name, value, name, value. */
export function rawFields(lines: readonly string[]): Fields {
  return {
    get(name) {
      let value: string | null = null;
      for (let index = 0; index < lines.length; index += 2) {
        const given = lines[index]!;
        if (given.length !== name.length || (given !== name && given.toLowerCase() !== name)) continue;
        // Cookies are the one list without commas (RFC 6265 §5.4).
        value = value === null ? lines[index + 1]! : value + (name === "cookie" ? "; " : ", ") + lines[index + 1]!;
      }
      return value;
    },
    has(name) {
      for (let index = 0; index < lines.length; index += 2) {
        if (lines[index]!.length === name.length && lines[index]!.toLowerCase() === name) return true;
      }
      return false;
    },
    forEach(visit) {
      for (let index = 0; index < lines.length; index += 2) visit(lines[index + 1]!, lines[index]!);
    },
  };
}
