import { addressOf } from "../core/address.ts";
import { ProxyError } from "../core/errors.ts";
import { hopByHopNames } from "../core/fields.ts";
import type { Incoming, Outgoing, Transport } from "../core/ports.ts";
import { checkResponse } from "./answer.ts";
import { fetchTransport, fieldsOf } from "./fetch.ts";

declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;

// Never cached. `cache: "no-store"` asks the edge for the same, and would add two fields to the request.
const uncached = { cf: { cacheTtl: -1, cacheLevel: "bypass" } };

/** The fetch of Workers. It tells no failure from another, resends GET, HEAD and DELETE by itself, and does not let Host be set. */
export function workersTransport(): Transport {
  const withBody = fetchTransport(fetch, {
    init: () => uncached,
    requestBody(stream, length, broken) {
      // A stream alone would go chunked: the length travels in the stream's type.
      const { readable, writable } = length === undefined
        ? new TransformStream<Uint8Array>()
        : new FixedLengthStream(length);
      // A body that breaks would end as if it were whole: it is left open, and the request is cut.
      stream.pipeTo(writable, { preventAbort: true }).catch(broken);
      return readable;
    },
    codeOf: () => "connection_terminated",
    answer: (response, _method, outgoing) => passOn(response, outgoing),
  });
  return (incoming, outgoing) =>
    incoming.body === undefined || incoming.body.whole !== undefined
      ? atOnce(incoming, outgoing)
      : withBody(incoming, outgoing);
}

/** A request that is there as a whole, with nothing of its own to cut: the runtime cancels what an abandoned fetch holds when the request has been answered. */
async function atOnce(incoming: Incoming, outgoing: Outgoing): Promise<Response> {
  const { method, signal, direct } = incoming;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ProxyError("http_response_timeout")), outgoing.deadlines.responseMs);
  });
  try {
    const headers = fieldsOf(incoming, outgoing);
    const body = incoming.body?.whole;
    const init = { ...uncached, method, headers, body, redirect: "manual", ...(signal && { signal }) } as RequestInit;
    const response = await Promise.race([fetch(addressOf(outgoing.backend).origin + outgoing.target, init), late]);
    if (response.status !== 101) checkResponse(response, method);
    return passOn(response, outgoing, direct);
  } catch (cause) {
    if (signal?.aborted) throw new ProxyError("client_aborted", { cause });
    throw cause instanceof ProxyError ? cause : new ProxyError("connection_terminated", { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is nothing to take out: of the hop-by-hop fields workerd itself sends no others further. */
const isForTheClient = (headers: Headers) =>
  hopByHopNames(headers.get("connection")) === hopByHopNames(null) && !headers.has("proxy-connection") &&
  !headers.has("http2-settings");

function passOn(response: Response, { onEnd }: Outgoing, direct = false): Response {
  const { headers, status, webSocket } = response as Response & { webSocket?: unknown };
  if (status === 101) {
    onEnd(undefined);
    // Passed on as it is, it is joined by workerd: nobody reads its messages.
    return new Response(null, { status, webSocket, headers } as ResponseInit);
  }
  const length = headers.get("content-length");
  onEnd(length === null ? undefined : Number(length));
  if (direct && isForTheClient(headers)) return response;
  // The body goes on unread: read by JavaScript it would be decoded.
  const passed = new Response(response.body, { status, statusText: response.statusText, headers });
  for (const name of hopByHopNames(headers.get("connection"))) passed.headers.delete(name);
  return passed;
}
