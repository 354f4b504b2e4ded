import type { IncomingMessage } from "node:http";
import { rawFields } from "../../core/fields.ts";
import type { Arrival, Client, RawRequest } from "../../core/ports.ts";
import { createHttp1Client, http1Transport } from "../../transports/http1/http1.ts";
import { traits } from "../traits.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import { nodeResponse } from "./node-answer.ts";
import type { NodeEnv } from "./node-response.ts";
import { tcpConnect } from "./tcp.ts";

export { lookup } from "./environment.ts";
export { listen } from "./node-door.ts";

/** What Node brings. */
export function createPorts(): RuntimePorts {
  return {
    ...common,
    traits: traits.node,
    transport: http1Transport(createHttp1Client(), nodeResponse),
    connect: tcpConnect,
    client,
  };
}

function client({ req, env }: Arrival): Client {
  const { incoming, outgoing, target } = (env ?? {}) as Partial<NodeEnv>;
  if (incoming === undefined || outgoing === undefined) {
    return { address: undefined, port: undefined, onLeave: onSignal(req.raw) };
  }
  return {
    address: plainAddress(incoming.socket.remoteAddress),
    port: incoming.socket.localPort,
    // The fields of HTTP/2 are the adapter's matter.
    raw: target === undefined || incoming.httpVersionMajor !== 1 ? undefined : rawRequest(incoming, target),
    onLeave(listener) {
      if (outgoing.closed) listener();
      outgoing.on("close", listener);
      return () => outgoing.off("close", listener);
    },
  };
}

function rawRequest(incoming: IncomingMessage, target: string): RawRequest {
  return {
    headers: rawFields(incoming.rawHeaders),
    target,
    async whole(length) {
      await undefined; // until then the parser has gone on with what it was given
      if (!incoming.complete || incoming.readableLength !== length) return undefined;
      return incoming.read() as Uint8Array;
    },
  };
}
