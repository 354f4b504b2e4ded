import type { Answer } from "../../transports/http1/exchange.ts";
import { plainResponse, withHead } from "../../transports/http1/plain-response.ts";

/** Up to so many bytes Bun's server writes head and body at once; of a longer Response, each part of each field by itself. */
const corkedBytes = 14 * 1024;

/** A backend's answer as a Response for Bun.serve, in an app of somebody's own. */
export function bunResponse(answer: Answer): Response {
  const { head, body } = answer;
  if (!(body instanceof Uint8Array)) return plainResponse(answer);
  // Bytes also get a content-type if the backend gave them none. A stream of one chunk is spared both, and keeps its length.
  const isShort = body.byteLength <= corkedBytes && head.names.includes("content-type");
  return withHead(head, isShort ? body : oneChunk(body));
}

function oneChunk(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
