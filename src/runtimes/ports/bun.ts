import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { bunTransport } from "../../transports/bun.ts";
import { traits } from "../traits.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import type { Door } from "./door.ts";
import { tcpConnect } from "./tcp.ts";

export { lookup } from "./environment.ts";

/** The part of Bun's server that is used. */
export interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

declare const Bun: { serve(options: object): BunServer };

/** What Bun brings. */
export function createPorts(): RuntimePorts {
  return { ...common, traits: traits.bun, transport: bunTransport(), connect: tcpConnect, client };
}

/** The server and the request as it came in: a middleware may have put another one in its place, which the server does not know. */
interface Env {
  readonly server: BunServer;
  readonly request: Request;
  /** Seconds. */
  readonly idleTimeout: number;
}

function client({ req, env }: Arrival): Client {
  const { server, request = req.raw, idleTimeout } = (env ?? {}) as Partial<Env>;
  if (idleTimeout !== undefined) server?.timeout(request, 0); // or a quiet stream is cut after the idle time
  return {
    address: plainAddress(server?.requestIP(request)?.address),
    port: server?.port,
    onLeave: onSignal(request),
    // What was lifted for this request is lifted for its connection, until it is set again.
    onAnswered: () => idleTimeout !== undefined && server?.timeout(request, idleTimeout),
  };
}

/** What Bun.serve is given, by `listen` and by a module that exports it. */
export function serveOptions(fetch: LoadBalancer["fetch"], { limits, routes }: Config) {
  const idleTimeout = Math.min(255, Math.ceil(limits.idleTimeout / 1000)); // Bun knows no longer one
  return {
    idleTimeout: 10, // s; 0 would leave a silent head open for ever
    // The app tells more precisely who may send how much.
    maxRequestBodySize: Math.max(
      ...routes.map((route) => route.bodyBytes ?? limits.bodyBytes ?? Number.MAX_SAFE_INTEGER),
    ),
    fetch(request: Request, server: BunServer) {
      return fetch(request, { server, request, idleTimeout } satisfies Env);
    },
  };
}

/** Listens with Bun's own server. */
export function listen(balancer: LoadBalancer, config: Config): Promise<Door> {
  const server = Bun.serve({ ...serveOptions(balancer.fetch, config), ...config.listen, development: false });
  return Promise.resolve({ port: server.port, close: () => server.stop(), cut: () => void server.stop(true) });
}
