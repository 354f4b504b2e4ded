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
