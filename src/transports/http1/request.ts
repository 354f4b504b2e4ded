import { ProxyError } from "../../core/errors.ts";
import { tokenOf } from "../../core/fields.ts";
import type { Incoming, Outgoing } from "../../core/ports.ts";

/**
 * A request's head as it goes on the wire, in Latin-1.
 *
 * Fields keep their spelling and their order; the length is that of the body, whatever the fields say.
 *
 * @throws {ProxyError} `proxy_internal_error` for what cannot be written
 */
export function requestHead(incoming: Incoming, { target, headers, fresh }: Outgoing, host: string): string {
  const { method, body, upgrade } = incoming;
  const { drop, set } = headers;
  if (unwritable.test(target)) throw unsendable("target");
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  let hasCookies = false;
  incoming.headers.forEach((value, name) => {
    const lower = tokenOf(name) ?? name;
    if (drop.has(lower) || lower === "content-length" || sets(set, lower)) return;
    // Cookies are one line, however they came: backends read no second one (RFC 6265 §5.4).
    const isCookies = lower === "cookie";
    if (!isCookies || !hasCookies) head += `${name}: ${isCookies ? incoming.headers.get(lower)! : value}\r\n`;
    hasCookies ||= isCookies;
  });
  for (const [name, value] of set) {
    if (lineBreak.test(value)) throw unsendable(name);
    head += `${name}: ${value}\r\n`;
  }
  if (upgrade !== undefined) head += `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  else if (fresh === true) head += "Connection: close\r\n";
  if (body === undefined) head += needsLength.has(method) ? "Content-Length: 0\r\n" : "";
  else head += body.length === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${body.length}\r\n`;
  return `${head}\r\n`;
}

/** What would end the request line early, or is no byte. */
const unwritable = /[^\x21-\xff]/;

/** Fields that came in were parsed; those that are set here were put together. */
const lineBreak = /[\r\n\0]/;

const unsendable = (what: string) =>
  new ProxyError("proxy_internal_error", { cause: new Error(`the ${what} holds what would break the request's head`) });

/** Methods for which a length is said even if there is no body (RFC 9110 §8.6). */
const needsLength: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

function sets(edits: Outgoing["headers"]["set"], name: string): boolean {
  for (const edit of edits) if (edit[0] === name) return true;
  return false;
}
