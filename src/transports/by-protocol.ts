import type { Transport } from "../core/ports.ts";

/** Sends as the pool's backends are spoken to. */
export function byProtocol(http1: Transport, http2: Transport): Transport {
  return (incoming, outgoing) => (outgoing.peer.protocol === "http1" ? http1 : http2)(incoming, outgoing);
}
