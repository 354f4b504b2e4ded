import { addressOf } from "../core/address.ts";
import { ProxyError } from "../core/errors.ts";
import type { Backend } from "../core/pool.ts";
import type { Deadlines, HeaderEdits, Incoming, Outgoing, Peer, Transport } from "../core/ports.ts";

/** A request as it goes to whichever backend is picked. */
export interface Forwarding {
  readonly incoming: Incoming;
  readonly peer: Peer;
  /** Path and query, before the backend's base path is joined. */
  readonly target: string;
  readonly host: string | undefined;
  readonly headers: HeaderEdits;
}

/** Methods that ask for no change (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Sends a request to one backend and gives back its answer.
 *
 * Only the head is awaited: the body streams through, and `onEnd` is called when it ends.
 *
 * @param deadlines asked for each sending: a second one has less time left
 * @throws {ProxyError}
 */
export function forward(
  { incoming, peer, target, host, headers }: Forwarding,
  backend: Backend,
  deadlines: () => Deadlines,
  transport: Transport,
  onEnd: Outgoing["onEnd"],
): Promise<Response> {
  const outgoing: Outgoing = {
    backend,
    peer,
    target: addressOf(backend).basePath + target,
    host,
    headers,
    deadlines: deadlines(),
    onEnd,
  };
  return transport(incoming, outgoing).catch((error: unknown) => {
    // A backend may close an idle connection just as a request goes out on it (RFC 9112 §9.3.1): that says nothing about the backend.
    const isStale = error instanceof ProxyError && error.reused && safe.has(incoming.method);
    if (!isStale || incoming.body?.replayable === false) throw error;
    return transport(incoming, { ...outgoing, deadlines: deadlines(), fresh: true });
  });
}
