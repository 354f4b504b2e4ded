import { hopByHopNames } from "../core/fields.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Deadlines, Transport } from "../core/ports.ts";
import { fetchTransport, respond, watchBody } from "./fetch.ts";
import { systemCode } from "./node-errors.ts";

const unwatchedBytes = 64 * 1024;

/** Bun's own fetch. It resends GET, HEAD and DELETE by itself when a kept connection turns out to be dead. */
export function bunTransport(): Transport {
  return fetchTransport(fetch, {
    // Without `decompress: false` the body is decoded under the label of its encoding.
    init: ({ fresh }) => ({ decompress: false, keepalive: fresh !== true }),
    requestBody: (stream) => stream,
    codeOf,
    answer(response, method, { deadlines, onEnd }, signal) {
      const { headers, body } = response;
      // Both is forbidden, and the chunks are what Bun went by (RFC 9112 §6.3).
      if (headers.has("transfer-encoding")) headers.delete("content-length");
      for (const name of hopByHopNames(headers.get("connection"))) headers.delete(name);
      const length = headers.get("content-length");
      if (body === null || isLeftAlone(headers, deadlines)) {
        onEnd(length === null ? undefined : Number(length));
        return response;
      }
      return respond(response, method, headers, watchBody(body, deadlines.idleMs, signal, onEnd));
    },
  });
}

/** Whether the Response goes on as it is: wrapping a short body costs more than knowing its end is worth. */
function isLeftAlone(headers: Headers, { idleMs }: Deadlines): boolean {
  const length = headers.get("content-length");
  // Bun gives a Response of its own fetch a content-type if it has none, but no stream of ours.
  return length !== null && Number(length) <= unwatchedBytes && headers.has("content-type") && idleMs === 0;
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "connection_refused",
  ENOTFOUND: "dns_error",
  EHOSTUNREACH: "destination_ip_unroutable",
  ENETUNREACH: "destination_ip_unroutable",
  EPROTO: "tls_error",
  ECONNRESET: "connection_terminated",
  ETIMEDOUT: "connection_terminated", // while connecting or later: Bun does not tell
};

function codeOf(error: unknown): ErrorCode {
  const code = systemCode(error);
  if (/CERT|TLS|SSL|VERIFY/.test(code)) return "tls_error";
  return codes[code] ?? "http_protocol_error";
}
