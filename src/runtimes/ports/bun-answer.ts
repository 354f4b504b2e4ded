import type { Answer } from "../../transports/http1/exchange.ts";
import { plainResponse } from "../../transports/http1/plain-response.ts";

/** A backend's answer as Bun's Response. Bytes get a content-type from Bun if the backend gave them none; a stream does not. */
export function bunResponse(answer: Answer): Response {
  const response = plainResponse(answer);
  const { body } = answer;
  if (!(body instanceof Uint8Array) || response.headers.has("content-type")) return response;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(body);
      controller.close();
    },
  });
  return new Response(stream, response);
}
