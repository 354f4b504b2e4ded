/** A request as the backend may see it. */
export interface Seen {
  readonly method: string;
  readonly target: string | RegExp;
  /** Absent: "main". */
  readonly backend?: "main" | "inner";
  /** Absent: none. */
  readonly body?: string;
  /** All values of these fields; none: the field must be missing. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Hostile bytes of a client, and what may come of them.
 *
 * `refuse`: no request may come of it, the client is told so with a 4xx, a 501 or a 505, or the connection is closed.
 * `serve`: odd, but the standard says what it means, and the backend sees that. `either`: the standard leaves it open.
 */
export interface Attack {
  readonly name: string;
  readonly rule: "refuse" | "serve" | "either";
  /** In Latin-1; `decoy` is a port where nobody may ask for anything. */
  readonly bytes: string | ((decoy: number) => string);
  /** All that the backend sees where it is served: with `refuse` only where a runtime has a gap. */
  readonly seen?: readonly Seen[];
  /** The same where a runtime has a gap, if it is another. */
  readonly seenByGap?: readonly Seen[];
  /** Sent when the first answer has come. */
  readonly later?: string;
  /** These bytes may be the beginning of a longer request: to wait for the rest refuses it too. */
  readonly isOpen?: boolean;
}

const crlf = "\r\n";

/** A request from its lines, and what follows the head. */
export const message = (lines: readonly string[], rest = ""): string => lines.join(crlf) + crlf + crlf + rest;

export const get = (target: string, ...fields: string[]): string =>
  message([`GET ${target} HTTP/1.1`, "Host: balancer.test", ...fields]);

export const post = (fields: readonly string[], rest = ""): string =>
  message(["POST /framed HTTP/1.1", "Host: balancer.test", ...fields], rest);

/** What must never become a request of its own. */
export const smuggled = get("/smuggled");

/** The one request that a framing can honestly mean. */
export const framed = (body = ""): readonly Seen[] => [{ method: "POST", target: "/framed", body }];

/** The fields of a request for a WebSocket. */
export const handshake: readonly string[] = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
