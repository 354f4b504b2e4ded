import { plainAddress } from "../../core/address.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { createHttp1Client, http1Transport, type Respond } from "../../transports/http1/http1.ts";
import { lazyResponse } from "../../transports/http1/lazy-response.ts";
import { plainResponse } from "../../transports/http1/plain-response.ts";
import { createWebSockets } from "../../transports/websocket/web-sockets.ts";
import { denoDeploy, traits } from "../traits.ts";
import { common, onSignal, type RuntimePorts } from "./common.ts";
import type { DenoEnv } from "./deno-handler.ts";
import { nodeClient } from "./node-client.ts";
import { tcpConnect } from "./tcp.ts";
import { openSecureOnDeno } from "./deno-secure-door.ts";
import { socketDoors } from "./socket-doors.ts";

export { withCertificates } from "../certificates.ts";
export { lookup } from "./environment.ts";

declare const Deno: {
  readonly env: { get(name: string): string | undefined };
};

/** Whether this is Deno Deploy, where cron calls and processes come and go. */
export const isDeploy = (): boolean =>
  Deno.env.get("DENO_DEPLOY") !== undefined || Deno.env.get("DENO_DEPLOYMENT_ID") !== undefined;

/** Listens with our own server for HTTP/1.1, and Deno's for HTTP/2. */
export const listen = socketDoors(openSecureOnDeno);

/** What Deno brings. */
export function createPorts(): RuntimePorts {
  const send = createHttp1Client();
  return {
    ...common,
    traits: isDeploy() ? denoDeploy : traits.deno,
    transport: http1Transport(send, respond),
    webSockets: createWebSockets(send, respond),
    connect: tcpConnect,
    client,
  };
}

const respond: Respond = (answer, { direct }) => (direct ? lazyResponse(answer) : plainResponse(answer));

function client({ req, env }: Arrival): Client {
  const { remoteAddr, port, secure, request = req.raw } = (env ?? {}) as Partial<DenoEnv>;
  return nodeClient(env) ??
    { address: plainAddress(remoteAddr?.hostname), port, secure, onLeave: onSignal(request) };
}
