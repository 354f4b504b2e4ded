import type { Fields } from "./ports.ts";

/** What of a request a key may be taken of. */
export interface Keyed {
  /** The client's. */
  readonly address: string | undefined;
  readonly path: string;
  /** With its "?", or "". */
  readonly query: string;
  readonly headers: Fields;
}

/**
 * How to take a key of a request: `ip`, `path`, `uri`, `header:NAME`, `query:NAME` or `cookie:NAME`.
 *
 * A request that does not have it is known by its address.
 */
export function keyOf(spec: string): (asked: Keyed) => string {
  const [kind, name = ""] = spec.split(/:(.*)/s);
  const lower = name.toLowerCase();
  switch (kind) {
    case "path":
      return ({ path }) => path;
    case "uri":
      return ({ path, query }) => path + query;
    case "header":
      return (asked) => asked.headers.get(lower) ?? networkOf(asked.address);
    case "query":
      return (asked) => new URLSearchParams(asked.query).get(name) ?? networkOf(asked.address);
    case "cookie":
      return (asked) => cookieOf(asked.headers, name) ?? networkOf(asked.address);
    default:
      return ({ address }) => networkOf(address);
  }
}

/** The value of a cookie (RFC 6265 §5.4); `undefined`: there is none. */
export function cookieOf(headers: Fields, name: string): string | undefined {
  for (const pair of headers.get("cookie")?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** An address as its owner is known: all of IPv4, of IPv6 the first 64 bits, within which a client moves as it likes (RFC 8981). */
export function networkOf(address: string | undefined): string {
  if (address === undefined || !address.includes(":")) return address ?? "";
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1); // IPv4 in the clothes of IPv6
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined) { while (groups.length + after.length < 8) groups.push("0"); }
  return [...groups, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}
