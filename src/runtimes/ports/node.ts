import type { Arrival, Client } from "../../core/ports.ts";
import { byProtocol } from "../../transports/by-protocol.ts";
import { createHttp1Client, http1Transport } from "../../transports/http1/http1.ts";
import { lazyResponse } from "../../transports/http1/lazy-response.ts";
import { createReadBuffers } from "../../transports/http1/read-buffers.ts";
import { http2Transport } from "../../transports/http2/http2.ts";
import { createWebSockets } from "../../transports/websocket/web-sockets.ts";
import { traits } from "../traits.ts";
import { common, onSignal, type RuntimePorts } from "./common.ts";
import { nodeClient } from "./node-client.ts";
import { tcpConnect } from "./tcp.ts";
import { openSecure } from "./secure-door.ts";
import { socketDoors } from "./socket-doors.ts";

export { withCertificates } from "../certificates.ts";
export { lookup } from "./environment.ts";

/** Listens with our own server for HTTP/1.1, and node:http2. */
export const listen = socketDoors(openSecure);

/** What Node brings. */
export function createPorts(): RuntimePorts {
  const send = createHttp1Client(createReadBuffers());
  return {
    ...common,
    traits: traits.node,
    transport: byProtocol(http1Transport(send, lazyResponse), http2Transport(lazyResponse)),
    webSockets: createWebSockets(send, lazyResponse),
    connect: tcpConnect,
    client,
  };
}

const client = ({ req, env }: Arrival): Client =>
  nodeClient(env) ??
    { address: undefined, port: undefined, onLeave: onSignal(req.raw) };
