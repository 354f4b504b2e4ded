import type { OutgoingHttpHeaders } from "node:http2";
import type { Incoming, Outgoing } from "../../core/ports.ts";

/**
 * A request's fields as HTTP/2 has them: in lower case, its own four first (RFC 9113 §8.3.1).
 *
 * What came several times is sent as one, because node:http2 refuses some fields that are there twice.
 */
export function requestFields(
  { method, headers: received, body }: Incoming,
  { target, headers: { drop, set } }: Outgoing,
  scheme: "http" | "https",
  authority: string,
): OutgoingHttpHeaders {
  // Without a prototype: a field may be called "constructor".
  const fields: Record<string, string> = Object.assign(Object.create(null) as object, {
    ":method": method,
    ":scheme": scheme,
    ":authority": authority,
    ":path": target,
  });
  const ours = new Set(set.map(([name]) => name));
  received.forEach((value, given) => {
    const name = given.toLowerCase();
    if (drop.has(name) || ours.has(name) || name === "content-length") return;
    const before = fields[name];
    fields[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  });
  for (const [name, value] of set) fields[name] = value;
  if (body?.length !== undefined) fields["content-length"] = String(body.length);
  return fields;
}
