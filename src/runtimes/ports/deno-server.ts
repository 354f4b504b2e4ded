import type { Door } from "./door.ts";

/** What Deno.serve hands over beside a request. */
export interface ServeInfo {
  readonly remoteAddr: { readonly hostname?: string; readonly port?: number };
  /** When the answer has ended, in whichever way. */
  readonly completed?: Promise<void>;
}

export type DenoHandler = (request: Request, info: ServeInfo) => Response | Promise<Response>;

declare const Deno: {
  serve(
    options: object,
    handler: DenoHandler,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
};

/** Listens with Deno's own server. */
export function serveOnDeno(place: { readonly port: number; readonly hostname: string }, handle: DenoHandler): Door {
  const aborter = new AbortController();
  const options = {
    ...place,
    signal: aborter.signal,
    onListen: () => {},
    // Called when an answer's body breaks, which the log tells already; Deno would print a stack.
    onError: () => new Response(null, { status: 500 }),
  };
  let isClosing = false;
  const server = Deno.serve(options, (request, info) => (isClosing ? tooLate() : handle(request, info)));
  return {
    port: server.addr.port,
    async close() {
      isClosing = true;
      await server.shutdown();
    },
    cut() {
      // A server that shuts down can be aborted no more; the end of the process ends its connections.
      if (!isClosing) aborter.abort();
    },
  };
}

const tooLate = () =>
  new Response("503 The balancer is about to end.\n", {
    status: 503,
    headers: { connection: "close", "content-type": "text/plain; charset=utf-8", "retry-after": "1" },
  });
