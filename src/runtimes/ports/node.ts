import type { Arrival, Client } from "../../core/ports.ts";
import { undiciTransport } from "../../transports/undici.ts";
import { traits } from "../traits.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import type { NodeEnv } from "./node-response.ts";
import { tcpConnect } from "./tcp.ts";

export { lookup } from "./environment.ts";
export { listen } from "./node-door.ts";

/** What Node brings. */
export function createPorts(): RuntimePorts {
  return { ...common, traits: traits.node, transport: undiciTransport(), connect: tcpConnect, client };
}

function client({ req, env }: Arrival): Client {
  const { incoming, outgoing } = (env ?? {}) as Partial<NodeEnv>;
  if (incoming === undefined || outgoing === undefined) {
    return { address: undefined, port: undefined, onLeave: onSignal(req.raw) };
  }
  return {
    address: plainAddress(incoming.socket.remoteAddress),
    port: incoming.socket.localPort,
    onLeave(listener) {
      if (outgoing.closed) listener();
      outgoing.once("close", listener);
      return () => outgoing.off("close", listener);
    },
  };
}
