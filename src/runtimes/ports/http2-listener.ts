import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { LoadBalancer } from "../../app/app.ts";
import { writeResponse } from "./http2-response.ts";

/** What Hono's adapter hands over beside a request, and what is put to it. */
export interface Http2Env {
  readonly incoming: Http2ServerRequest;
  readonly outgoing: Http2ServerResponse;
  /** As it came, byte for byte. */
  readonly target: string;
}

/** What Hono's adapter refuses in a target, though it can be sent on byte for byte. */
const odd = /\\/;

/** What a server of node:http2 calls for each request. */
export function http2Listener(
  fetch: LoadBalancer["fetch"],
): (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void {
  const targets = new WeakMap<object, string>();

  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as unknown as Http2Env;
      const target = targets.get(incoming) ?? incoming.url;
      const response = await fetch(request, { incoming, outgoing, target } satisfies Http2Env);
      await writeResponse(response, outgoing).catch(() => outgoing.destroy(new Error("the answer cannot be written")));
      // What the adapter does after an answer ends the stream: it must not be told before the answer's last byte.
      await ended(outgoing);
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, hostname: "localhost" }, // stands in where a request brings no authority
  );
  return (incoming, outgoing) => {
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

function ended(outgoing: Http2ServerResponse): Promise<void> | undefined {
  if (outgoing.writableEnded) return undefined;
  return new Promise((resolve) => void outgoing.once("finish", resolve).once("close", resolve));
}
