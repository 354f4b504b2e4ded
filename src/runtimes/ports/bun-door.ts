import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Door } from "./door.ts";

/** The part of Bun's server that is used. */
export interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

declare const Bun: { serve(options: object): BunServer };

/** The server and the request as it came in: a middleware may have put another one in its place, which the server does not know. */
export interface BunEnv {
  readonly server: BunServer;
  readonly request: Request;
  /** Seconds. */
  readonly idleTimeout: number;
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
      return fetch(request, { server, request, idleTimeout } satisfies BunEnv);
    },
  };
}

/** Listens with Bun's own server. */
export function listen(balancer: LoadBalancer, config: Config): Promise<Door> {
  const server = Bun.serve({ ...serveOptions(balancer.fetch, config), ...config.listen, development: false });
  return Promise.resolve({ port: server.port, close: () => server.stop(), cut: () => void server.stop(true) });
}
