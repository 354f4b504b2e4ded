import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { LoadBalancer } from "../../app/app.ts";
import { type NodeEnv, writeResponse } from "./node-response.ts";
import { acceptUpgrade, offerOf } from "./node-upgrade.ts";

/** What Hono's adapter refuses in a target, though it can be sent on byte for byte. */
const odd = /\\/;

/** Node's parser takes HTTP/0.9 and HTTP/2.0 in a request line for versions, and chunks for a body of HTTP/1.0 (RFC 9112 §6.1). */
function isHttp(incoming: IncomingMessage): boolean {
  const { httpVersion, headers } = incoming;
  if (httpVersion === "1.1" || "stream" in incoming) return true;
  return httpVersion === "1.0" && headers["transfer-encoding"] === undefined;
}

/**
 * Serves a pipelined request when the answers before it have ended.
 *
 * "A server MAY process a sequence of pipelined requests in parallel if they all have safe methods" (RFC 9112 §9.3.2): it need not,
 * and one connection keeps no more than one request on its way.
 */
function inTurn(outgoing: ServerResponse, serve: () => void): void {
  if (outgoing.socket !== null) serve();
  else outgoing.once("socket", serve);
}

function hasNoBody({ method, headers, httpVersionMajor }: IncomingMessage): boolean {
  return httpVersionMajor === 1 && method === "GET" && headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined;
}

function ended(outgoing: ServerResponse): Promise<void> | undefined {
  if (outgoing.writableEnded) return undefined;
  return new Promise((resolve) => void outgoing.once("finish", resolve).once("close", resolve));
}

/** What a server of node:http, node:https or node:http2 calls for each request. */
export function nodeListener(fetch: LoadBalancer["fetch"]): RequestListener {
  const targets = new WeakMap<object, string>();

  async function answer(request: Request, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const target = targets.get(incoming) ?? incoming.url!;
    const offer = offerOf(outgoing);
    const response = await fetch(request, { incoming, outgoing, target, offer } satisfies NodeEnv);
    if (!acceptUpgrade(response, outgoing)) await writeResponse(response, outgoing);
  }

  const listener = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as NodeEnv;
      const answered = answer(request, incoming, outgoing);
      // What the adapter does after an answer costs as much as writing it, and serves what is left of a body:
      // of HTTP/2 it ends the stream, so it must not be told before the answer's last byte.
      if (hasNoBody(incoming)) return new Promise<never>(() => {});
      return answered.then(() => ended(outgoing)).then(() => RESPONSE_ALREADY_SENT);
    },
    { overrideGlobalObjects: false, hostname: "localhost" }, // stands in where an HTTP/1.0 request brings no Host
  );
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (!isHttp(incoming)) return void outgoing.writeHead(505, { connection: "close" }).end();
    const target = incoming.url ?? "";
    if (odd.test(target)) {
      targets.set(incoming, target);
      incoming.url = target.replaceAll(
        new RegExp(odd, "g"),
        (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
      );
    }
    const serve = () => void listener(incoming, outgoing);
    if ("stream" in incoming) return serve();
    inTurn(outgoing, serve);
  };
}
