import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Door } from "./door.ts";

interface ServeInfo {
  readonly remoteAddr: { readonly hostname?: string };
}

declare const Deno: {
  serve(
    options: object,
    handler: (request: Request, info: ServeInfo) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
};

/** What Deno.serve hands over beside a request, and the request as it came in. */
export interface DenoEnv extends ServeInfo {
  readonly port?: number;
  readonly request?: Request;
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
    (request, { remoteAddr }) =>
      balancer.fetch(request, { remoteAddr, port: server.addr.port, request } satisfies DenoEnv),
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
