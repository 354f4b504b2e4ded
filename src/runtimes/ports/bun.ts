import type { Arrival, Client } from "../../core/ports.ts";
import { createHttp1Client, http1Transport } from "../../transports/http1/http1.ts";
import { traits } from "../traits.ts";
import { bunResponse } from "./bun-answer.ts";
import type { BunEnv } from "./bun-door.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import { tcpConnect } from "./tcp.ts";

export { listen } from "./bun-door.ts";
export { lookup } from "./environment.ts";

/** What Bun brings. */
export function createPorts(): RuntimePorts {
  return {
    ...common,
    traits: traits.bun,
    transport: http1Transport(createHttp1Client(), bunResponse),
    connect: tcpConnect,
    client,
  };
}

function client({ req, env }: Arrival): Client {
  const { server, request = req.raw, idleTimeout } = (env ?? {}) as Partial<BunEnv>;
  if (idleTimeout !== undefined) server?.timeout(request, 0); // or a quiet stream is cut after the idle time
  return {
    address: plainAddress(server?.requestIP(request)?.address),
    port: server?.port,
    onLeave: onSignal(request),
    // What was lifted for this request is lifted for its connection, until it is set again.
    onAnswered: () => idleTimeout !== undefined && server?.timeout(request, idleTimeout),
  };
}
