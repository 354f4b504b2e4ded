import { hopByHopNames, withHopByHop } from "../core/fields.ts";
import type { Fields, HeaderEdits } from "../core/ports.ts";

/** What a client behind no trusted proxy cannot say about itself. */
const claims = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
];

// Expect is answered already: every runtime's server sends the 100 itself (RFC 9110 §10.1.1).
const dropFromTrusted = withHopByHop(["host", "expect"]);
const dropFromOthers = withHopByHop(["host", "expect", ...claims]);

/** What is known of a request besides its fields. */
export interface Sender {
  readonly address: string | undefined;
  readonly trusted: boolean;
  readonly proto: "http" | "https";
  /** Host as received. */
  readonly host: string;
  readonly port: number;
  readonly requestId: string;
}

/**
 * What to change in a request's fields on the way to a backend: hop-by-hop fields out, forwarding fields in.
 *
 * Host is left to the transport.
 *
 * @see RFC 9110 §7.6 for what an intermediary may change
 */
export function editRequest(headers: Fields, sender: Sender, more: Readonly<Record<string, string>>): HeaderEdits {
  const { address, trusted, proto, host, port, requestId } = sender;
  const drop = hopByHopNames(headers.get("connection"), trusted ? dropFromTrusted : dropFromOthers);
  const claim = (name: string) => (drop.has(name) ? null : headers.get(name));
  const kept = (name: string, ours: string) => claim(name) ?? ours;
  const appended = (name: string, ours: string) => {
    const before = claim(name);
    return before === null ? ours : `${before}, ${ours}`;
  };
  const set: [string, string][] = address === undefined
    ? []
    : [["x-forwarded-for", appended("x-forwarded-for", address)]];
  set.push(
    ["x-forwarded-proto", kept("x-forwarded-proto", proto)],
    ["x-forwarded-host", kept("x-forwarded-host", host)],
    ["x-forwarded-port", kept("x-forwarded-port", String(port))],
    ["via", appended("via", "1.1 roundabout")],
    ["x-request-id", requestId],
  );
  const wanted = Object.entries(more);
  if (wanted.length === 0) return { drop, set };
  return { drop, set: [...new Map([...set, ...wanted.map(([name, value]) => [name.toLowerCase(), value] as const)])] };
}

/** Whether a Via field names this balancer: the request has been here before. */
export function wasHere(via: string | null): boolean {
  return via !== null && /(?:^|[\s,])roundabout(?=[\s,(]|$)/i.test(via);
}
