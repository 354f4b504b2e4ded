import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { LoadBalancer } from "../../app/app.ts";
import { type NodeEnv, writeResponse } from "./node-response.ts";

/** What a server of node:http, node:https or node:http2 calls for each request. */
export function nodeListener(fetch: LoadBalancer["fetch"]): RequestListener {
  return getRequestListener(
    async (request, env) => {
      await writeResponse(await fetch(request, env), (env as NodeEnv).outgoing);
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, hostname: "localhost" }, // stands in where an HTTP/1.0 request brings no Host
  );
}
