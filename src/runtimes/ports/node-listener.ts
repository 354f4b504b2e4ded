import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { LoadBalancer } from "../../app/app.ts";
import { type NodeEnv, writeResponse } from "./node-response.ts";

/** What Hono's adapter refuses in a target, though it can be sent on byte for byte. */
const odd = /[^\x21-\x5b\x5d-\x7e]/;

/** What a server of node:http, node:https or node:http2 calls for each request. */
export function nodeListener(fetch: LoadBalancer["fetch"]): RequestListener {
  const targets = new WeakMap<object, string>();
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as NodeEnv;
      const target = targets.get(incoming) ?? incoming.url!;
      await writeResponse(await fetch(request, { incoming, outgoing, target } satisfies NodeEnv), outgoing);
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, hostname: "localhost" }, // stands in where an HTTP/1.0 request brings no Host
  );
  return (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const target = incoming.url ?? "";
    if (odd.test(target)) {
      targets.set(incoming, target);
      incoming.url = target.replaceAll(
        new RegExp(odd, "g"),
        (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
      );
    }
    void listener(incoming, outgoing);
  };
}
