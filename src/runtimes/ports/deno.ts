import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { undiciTransport } from "../../transports/undici.ts";
import { denoDeploy, traits } from "../traits.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import type { Door } from "./door.ts";
import { tcpConnect } from "./tcp.ts";

export { lookup } from "./environment.ts";

interface ServeInfo {
  readonly remoteAddr: { readonly hostname?: string };
}

declare const Deno: {
  readonly env: { get(name: string): string | undefined };
  serve(
    options: object,
    handler: (request: Request, info: ServeInfo) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
};

/** Whether this is Deno Deploy, where cron calls and processes come and go. */
export const isDeploy = (): boolean =>
  Deno.env.get("DENO_DEPLOY") !== undefined || Deno.env.get("DENO_DEPLOYMENT_ID") !== undefined;

/** What Deno brings. */
export function createPorts(): RuntimePorts {
  return {
    ...common,
    traits: isDeploy() ? denoDeploy : traits.deno,
    transport: undiciTransport(),
    connect: tcpConnect,
    client,
  };
}

interface Env extends ServeInfo {
  readonly port?: number;
  readonly request?: Request;
}

function client({ req, env }: Arrival): Client {
  const { remoteAddr, port, request = req.raw } = (env ?? {}) as Partial<Env>;
  return { address: plainAddress(remoteAddr?.hostname), port, onLeave: onSignal(request) };
}

/** Listens with Deno's own server. */
export function listen(balancer: LoadBalancer, { listen: { port, hostname } }: Config): Promise<Door> {
  const aborter = new AbortController();
  const options = {
    port,
    hostname,
    signal: aborter.signal,
    onListen: () => {},
    // Called when an answer's body breaks, which the log tells already; Deno would print a stack.
    onError: () => new Response(null, { status: 500 }),
  };
  const server = Deno.serve(
    options,
    (request, { remoteAddr }) => balancer.fetch(request, { remoteAddr, port: server.addr.port, request } satisfies Env),
  );
  let isClosing = false;
  return Promise.resolve({
    port: server.addr.port,
    close() {
      isClosing = true;
      return server.shutdown();
    },
    cut() {
      // A server that shuts down can be aborted no more; the end of the process ends its connections.
      if (!isClosing) aborter.abort();
    },
  });
}
