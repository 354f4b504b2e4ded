import { hopByHopNames } from "../../core/fields.ts";
import type { Answer } from "./exchange.ts";
import { streamOf } from "./flow.ts";

/** An answer as the runtime's own Response, hop-by-hop fields out. */
export function plainResponse({ head, body }: Answer): Response {
  const stream = body === null || body instanceof Uint8Array ? body : streamOf(body, 64 * 1024);
  return new Response(stream as Uint8Array<ArrayBuffer> | ReadableStream | null, {
    status: head.status,
    statusText: head.reason,
    headers: headersOf(endToEnd(head)),
  });
}

function headersOf(fields: readonly string[]): Headers {
  const headers = new Headers();
  for (let index = 0; index < fields.length; index += 2) headers.append(fields[index]!, fields[index + 1]!);
  return headers;
}

/** The fields that go further than one connection (RFC 9110 §7.6.1): name, value, name, value. */
export function endToEnd({ fields, names, connection }: Answer["head"]): string[] {
  const drop = hopByHopNames(connection);
  const kept: string[] = [];
  for (let index = 0; index < names.length; index++) {
    if (!drop.has(names[index]!)) kept.push(fields[2 * index]!, fields[2 * index + 1]!);
  }
  return kept;
}
