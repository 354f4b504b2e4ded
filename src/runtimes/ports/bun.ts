import { plainAddress } from "../../core/address.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { byProtocol } from "../../transports/by-protocol.ts";
import { createHttp1Client, http1Transport, type Respond } from "../../transports/http1/http1.ts";
import { lazyResponse } from "../../transports/http1/lazy-response.ts";
import { http2Transport } from "../../transports/http2/http2.ts";
import { createWebSockets } from "../../transports/websocket/web-sockets.ts";
import { traits } from "../traits.ts";
import { bunResponse } from "./bun-answer.ts";
import { common, onSignal, type RuntimePorts } from "./common.ts";
import { nodeClient } from "./node-client.ts";
import { tcpConnect } from "./tcp.ts";
import { openSecure } from "./secure-door.ts";
import { socketDoors } from "./socket-doors.ts";

export { withCertificates } from "../certificates.ts";
export { lookup } from "./environment.ts";

/** What an app on Bun.serve may hand over beside a request. */
interface BunEnv {
  readonly server: { readonly port: number; requestIP(request: Request): { readonly address: string } | null };
}

/** Listens with our own server for HTTP/1.1, and node:http2. */
export const listen = socketDoors(openSecure);

/** What Bun brings. */
export function createPorts(): RuntimePorts {
  const send = createHttp1Client();
  return {
    ...common,
    traits: traits.bun,
    transport: byProtocol(http1Transport(send, respond), http2Transport(respond)),
    webSockets: createWebSockets(send, respond),
    connect: tcpConnect,
    client,
  };
}

const respond: Respond = (answer, { direct }) => (direct ? lazyResponse(answer) : bunResponse(answer));

function client({ req, env }: Arrival): Client {
  const { server } = (env ?? {}) as Partial<BunEnv>;
  return nodeClient(env) ?? {
    address: plainAddress(server?.requestIP(req.raw)?.address),
    port: server?.port,
    onLeave: onSignal(req.raw),
  };
}
