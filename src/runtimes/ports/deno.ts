import { plainAddress } from "../../core/address.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { createHttp1Client, http1Transport } from "../../transports/http1/http1.ts";
import { plainResponse } from "../../transports/http1/plain-response.ts";
import { createWebSockets } from "../../transports/websocket/web-sockets.ts";
import { denoDeploy, traits } from "../traits.ts";
import { common, onSignal, type RuntimePorts } from "./common.ts";
import type { DenoEnv } from "./deno-door.ts";
import { onLateSignal } from "./late-signal.ts";
import { tcpConnect } from "./tcp.ts";

export { listen } from "./deno-door.ts";
export { withCertificates } from "../certificates.ts";
export { lookup } from "./environment.ts";

declare const Deno: {
  readonly env: { get(name: string): string | undefined };
};

/** Whether this is Deno Deploy, where cron calls and processes come and go. */
export const isDeploy = (): boolean =>
  Deno.env.get("DENO_DEPLOY") !== undefined || Deno.env.get("DENO_DEPLOYMENT_ID") !== undefined;

/** What Deno brings. */
export function createPorts(): RuntimePorts {
  const send = createHttp1Client();
  return {
    ...common,
    traits: isDeploy() ? denoDeploy : traits.deno,
    transport: http1Transport(send, plainResponse),
    webSockets: createWebSockets(send, plainResponse),
    connect: tcpConnect,
    client,
  };
}

function client({ req, env }: Arrival): Client {
  const { remoteAddr, port, secure, request = req.raw } = (env ?? {}) as Partial<DenoEnv>;
  // A signal that is made after a stream of HTTP/2 was reset does not tell it.
  const onLeave = (secure ? onSignal : onLateSignal)(request);
  return { address: plainAddress(remoteAddr?.hostname), port, secure, onLeave };
}
