import type { LoadBalancer } from "../../app/app.ts";
import type { Offer } from "../../transports/websocket/web-sockets.ts";
import type { ServeInfo } from "./deno-server.ts";
import { acceptOnDeno } from "./deno-websocket.ts";

/** What Deno.serve hands over beside a request, and the request as it came in. */
export interface DenoEnv extends Pick<ServeInfo, "remoteAddr"> {
  readonly port?: number | undefined;
  /** Whether the client came by TLS. */
  readonly secure?: boolean;
  readonly request?: Request;
  /** In a request for another protocol: an Offer, whose types name those of Node. */
  readonly offer?: object;
}

/** What Deno.serve calls for each request: of HTTP/2, and of a module that exports it. */
export function denoHandler(fetch: LoadBalancer["fetch"]) {
  async function upgrade(request: Request, env: DenoEnv): Promise<Response> {
    const offer: Offer = { by: "messages" };
    const { signal } = request; // tells only what happens after it was asked for
    return acceptOnDeno(await fetch(request, { ...env, offer }), request, signal, offer);
  }

  return (
    request: Request,
    { remoteAddr }: ServeInfo,
    more: Pick<DenoEnv, "port" | "secure"> = {},
  ): Response | Promise<Response> => {
    const env: DenoEnv = { remoteAddr, ...more, request };
    if (request.method === "CONNECT") return broken(fetch(request, env));
    if (!isOneHost(request)) return new Response("400 The target is for another host.\n", { status: 400 });
    if (request.method === "HEAD") return unsized(fetch(request, env));
    return request.headers.has("upgrade") ? upgrade(request, env) : fetch(request, env);
  };
}

/** With no body at all Deno would say of an answer to HEAD that its length is 0. */
async function unsized(answer: Response | Promise<Response>): Promise<Response> {
  const response = await answer;
  const { status, statusText, headers } = response;
  if (status === 204 || status === 304 || headers.has("content-length")) return response;
  return new Response(new ReadableStream({ start: (empty) => empty.close() }), { status, statusText, headers });
}

/** Whether Host names the host of a target in absolute form, which has to hold (RFC 9112 §3.2.2): Deno tells of it in the URL only. */
function isOneHost({ url, headers }: Request): boolean {
  const host = headers.get("host");
  if (!host || url.startsWith(`${host}/`, url.indexOf("//") + 2)) return true;
  return /^[^/]*\/\/([^/?#]*)/.exec(url)?.[1]?.toLowerCase() === host.toLowerCase();
}

/** Ends the connection behind an answer: Deno would take what a CONNECT has for a body for the next request. */
async function broken(answer: Response | Promise<Response>): Promise<Response> {
  const { status, headers, body } = await answer;
  const reader = body?.getReader();
  const ending = new ReadableStream({
    async pull(controller) {
      const next = await reader?.read();
      if (next?.done === false) controller.enqueue(next.value);
      else controller.error(new Error("the connection ends here"));
    },
  });
  const fields = new Headers(headers);
  fields.delete("content-length"); // with one, the answer would be whole before its body breaks
  return new Response(ending, { status, headers: fields });
}
