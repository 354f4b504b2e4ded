import { hopByHopNames } from "../../core/fields.ts";
import type { Answer } from "./exchange.ts";
import { streamOf } from "./flow.ts";
import type { Head } from "./head.ts";

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
export function endToEnd({ fields }: Head): string[] {
  const drop = hopByHopNames(connectionOf(fields));
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (!drop.has(fields[index]!.toLowerCase())) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

function connectionOf(fields: readonly string[]): string | null {
  let connection: string | null = null;
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index]!.length !== 10 || fields[index]!.toLowerCase() !== "connection") continue;
    connection = connection === null ? fields[index + 1]! : `${connection},${fields[index + 1]!}`;
  }
  return connection;
}
