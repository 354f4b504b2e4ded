import { ProxyError } from "../../core/errors.ts";
import type { Switched } from "../http1/exchange.ts";

/** What both sides add to the key, so that nobody answers by accident (RFC 6455 §1.3). */
const salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key. */
async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + salt));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

/**
 * Checks that a backend has agreed to a WebSocket, and to this one (RFC 6455 §4.1).
 *
 * @param key the Sec-WebSocket-Key that it was sent
 * @returns its Sec-WebSocket-Accept
 * @throws {ProxyError} `http_protocol_error`
 */
export async function checkSwitch({ head }: Pick<Switched, "head">, key: string): Promise<string> {
  const fields = new Headers();
  for (let index = 0; index < head.fields.length; index += 2) {
    fields.append(head.fields[index]!, head.fields[index + 1]!);
  }
  if (fields.get("upgrade")?.toLowerCase() !== "websocket") throw malformed("another protocol than websocket");
  if (!tokensOf(fields.get("connection")).includes("upgrade")) throw malformed("no Connection: upgrade");
  const accept = await acceptOf(key);
  if (fields.get("sec-websocket-accept") !== accept) throw malformed("a wrong Sec-WebSocket-Accept");
  return accept;
}

/** The members of a list field, in lower case. */
export const tokensOf = (list: string | null): string[] =>
  list === null ? [] : list.split(",").map((token) => token.trim().toLowerCase());

const malformed = (found: string) =>
  new ProxyError("http_protocol_error", { cause: new Error(`the backend switched with ${found}`) });
