import { hopByHopNames } from "../../core/fields.ts";
import type { Answer } from "./exchange.ts";
import { streamOf } from "./flow.ts";

/** An answer as the runtime's own Response, hop-by-hop fields out. */
export function plainResponse({ head, body }: Answer): Response {
  return withHead(head, body === null || body instanceof Uint8Array ? body : streamOf(body, 64 * 1024));
}

/** A Response with a backend's head. */
export function withHead(head: Answer["head"], body: Uint8Array | ReadableStream | null): Response {
  const response = new Response(body as Uint8Array<ArrayBuffer> | ReadableStream | null, {
    status: head.status,
    statusText: head.reason,
  });
  // Added to the Response, they cost Deno a quarter of what Headers given to it do.
  const { headers } = response;
  const fields = endToEnd(head);
  for (let index = 0; index < fields.length; index += 2) headers.append(fields[index]!, fields[index + 1]!);
  return response;
}

/** The fields that go further than one connection (RFC 9110 §7.6.1): name, value, name, value. */
export function endToEnd({ status, fields, names, connection }: Answer["head"]): string[] {
  const drop = hopByHopNames(connection);
  const kept: string[] = [];
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    // "A server MUST NOT send a Content-Length header field in any response with a status code of … 204" (RFC 9110 §8.6).
    if (status === 204 && name === "content-length") continue;
    if (!drop.has(name)) kept.push(fields[2 * index]!, fields[2 * index + 1]!);
  }
  return kept;
}
