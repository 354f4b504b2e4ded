import { hopByHopNames } from "../core/fields.ts";
import type { Transport } from "../core/ports.ts";
import { fetchTransport, respond } from "./fetch.ts";

declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;

/** The fetch of Workers. It tells no failure from another, resends GET, HEAD and DELETE by itself, and does not let Host be set. */
export function workersTransport(): Transport {
  return fetchTransport(fetch, {
    // Never cached. `cache: "no-store"` asks the edge for the same, and would add two fields to the request.
    init: () => ({ cf: { cacheTtl: -1, cacheLevel: "bypass" } }),
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
    answer(response, method, { onEnd }) {
      const headers = new Headers(response.headers);
      for (const name of hopByHopNames(headers.get("connection"))) headers.delete(name);
      const length = headers.get("content-length");
      onEnd(length === null ? undefined : Number(length));
      // The body goes on unread: read by JavaScript it would be decoded.
      return respond(response, method, headers, response.body);
    },
  });
}
