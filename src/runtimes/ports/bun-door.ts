import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Offer } from "../../transports/websocket/web-sockets.ts";
import { servedByBun } from "./bun-answer.ts";
import { acceptOnBun, bunWebSocket } from "./bun-websocket.ts";
import { type Doors, openDoors } from "./door.ts";
import { openSecure } from "./secure-door.ts";

/** The part of Bun's server that is used. */
export interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
  upgrade(request: Request, options: { headers: Headers; data: unknown }): boolean;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

declare const Bun: { serve(options: object): BunServer };

/** The server and the request as it came in: a middleware may have put another one in its place, which the server does not know. */
export interface BunEnv {
  readonly server: BunServer;
  readonly request: Request;
  /** Seconds. */
  readonly idleTimeout: number;
  /** In a request for another protocol: an Offer, whose types name those of Node. */
  readonly offer?: object;
}

/** What Bun.serve is given, by `listen` and by a module that exports it. */
export function serveOptions(fetch: LoadBalancer["fetch"], { limits }: Config) {
  /** Gives back nothing when the client was accepted. */
  async function upgrade(env: BunEnv): Promise<Response | undefined> {
    const offer: Offer = { by: "messages" };
    const response = await fetch(env.request, { ...env, offer });
    return acceptOnBun(response, env.request, env.server, offer) ? undefined : response;
  }

  const idleTimeout = Math.min(255, Math.ceil(limits.idleTimeout / 1000)); // Bun knows no longer one
  return {
    idleTimeout: 10, // s; 0 would leave a silent head open for ever
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app tells who may send how much, and says so

    fetch(request: Request, server: BunServer) {
      const env: BunEnv = { server, request, idleTimeout };
      return request.headers.has("upgrade")
        ? upgrade(env)
        : Promise.resolve(fetch(request, env)).then((response) => servedByBun(response, request));
    },
    websocket: bunWebSocket as object,
  };
}

/** Listens with Bun's own server, and where there is TLS with that of node:http2.
 * @throws {ListenError} */
export function listen(balancer: LoadBalancer, config: Config): Promise<Doors> {
  return openDoors(config, balancer.fetch, async (listener, fetch) => {
    if (listener.tls !== undefined) return await openSecure(listener, listener.tls, fetch, config.limits);
    const { port, hostname } = listener;
    const server = Bun.serve({ ...serveOptions(fetch, config), port, hostname, development: false });
    return { port: server.port, close: () => server.stop(), cut: () => void server.stop(true) };
  });
}
