import type { Incoming, Outgoing, Transport } from "../../core/ports.ts";
import { createConnections } from "./connections.ts";
import { type Answer, exchange, type Switched } from "./exchange.ts";
import type { ReadBuffer } from "./read-buffers.ts";

/**
 * An HTTP/1.1 client over plain sockets, for Node, Bun and Deno: bytes as they came, no fields invented, nothing sent twice.
 *
 * Gives back the answer with its body still on its way; or, for a request with `upgrade`, the connection that was switched.
 *
 * @throws {ProxyError}
 */
export type Http1Client = (incoming: Incoming, outgoing: Outgoing) => Promise<Answer | Switched>;

export function createHttp1Client(newReadBuffer?: () => ReadBuffer): Http1Client {
  const connections = createConnections(newReadBuffer);
  return (incoming, outgoing) =>
    new Promise((resolve, reject) =>
      exchange(connections, incoming, outgoing, { onAnswer: resolve, onSwitch: resolve, onFailure: reject })
    );
}

/** Makes the runtime's form of a Response. */
export type Respond = (answer: Answer, incoming: Incoming) => Response;

/** The client as a transport. */
export function http1Transport(send: Http1Client, respond: Respond): Transport {
  return (incoming, outgoing) => send(incoming, outgoing).then((answer) => respond(answer as Answer, incoming));
}
