import { plainAddress } from "../../core/address.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { byProtocol } from "../../transports/by-protocol.ts";
import { createHttp1Client, http1Transport, type Respond } from "../../transports/http1/http1.ts";
import { lazyResponse } from "../../transports/http1/lazy-response.ts";
import { http2Transport } from "../../transports/http2/http2.ts";
import { createWebSockets } from "../../transports/websocket/web-sockets.ts";
import { traits } from "../traits.ts";
import { bunResponse } from "./bun-answer.ts";
import type { BunEnv } from "./bun-door.ts";
import { common, type RuntimePorts } from "./common.ts";
import { nodeClient } from "./node-client.ts";
import { onLateSignal } from "./late-signal.ts";
import { tcpConnect } from "./tcp.ts";

export { listen } from "./bun-door.ts";
export { withCertificates } from "../certificates.ts";
export { lookup } from "./environment.ts";

/** What Bun brings. */
export function createPorts(): RuntimePorts {
  const send = createHttp1Client();
  return {
    ...common,
    traits: traits.bun,
    transport: byProtocol(http1Transport(send, respond), http2Transport(respond)),
    webSockets: createWebSockets(send, bunResponse),
    connect: tcpConnect,
    client,
  };
}

const respond: Respond = (answer, { direct }) => (direct ? lazyResponse(answer) : bunResponse(answer));

function client({ req, env }: Arrival): Client {
  const secure = nodeClient(env);
  if (secure !== undefined) return secure;
  const { server, request = req.raw, idleTimeout } = (env ?? {}) as Partial<BunEnv>;
  if (idleTimeout !== undefined) server?.timeout(request, 0); // or a quiet stream is cut after the idle time
  return {
    address: plainAddress(server?.requestIP(request)?.address),
    port: server?.port,
    onLeave: onLateSignal(request),
    // What was lifted for this request is lifted for its connection, until it is set again.
    onAnswered: () => idleTimeout !== undefined && server?.timeout(request, idleTimeout),
  };
}
