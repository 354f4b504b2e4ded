import type { ByteReader } from "./byte-reader.ts";

/** A header field as it stood on the wire, in Latin-1 so that every byte survives. */
export type Field = readonly [name: string, value: string];

/** The part of a message before its body. */
export interface Head {
  /** The request line or the status line. */
  readonly start: string;
  readonly fields: readonly Field[];
  readonly bytes: Buffer;
}

/** Where a body ends (RFC 9112 §6.3). */
export type Framing = { readonly kind: "none" | "chunked" | "close" } | {
  readonly kind: "length";
  readonly length: number;
};

export interface Body {
  /** Without the chunked coding. */
  readonly bytes: Buffer;
  /** Whether the body ended as its framing announced. */
  readonly complete: boolean;
  /** The lines behind the last chunk, as they came; absent where there were none. */
  readonly trailers?: readonly string[];
}

/** All values of a field, in their order. */
export const valuesOf = (fields: readonly Field[], name: string): string[] =>
  fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

/** The next message's head; `undefined` when the connection ends before it is whole. */
export async function readHead(reader: ByteReader): Promise<Head | undefined> {
  const bytes = await reader.until("\r\n\r\n");
  if (bytes === undefined) return undefined;
  const [start = "", ...lines] = bytes.toString("latin1").slice(0, -4).split("\r\n");
  const fields = lines.map((line): Field => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { start, fields, bytes };
}

export function framingOfRequest(fields: readonly Field[]): Framing {
  if (valuesOf(fields, "transfer-encoding").some((value) => /chunked/i.test(value))) return { kind: "chunked" };
  const length = valuesOf(fields, "content-length")[0];
  return length === undefined ? { kind: "none" } : { kind: "length", length: Number(length) };
}

export function framingOfResponse(fields: readonly Field[], status: number, method: string): Framing {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  const framing = framingOfRequest(fields);
  return framing.kind === "none" ? { kind: "close" } : framing;
}

export async function readBody(reader: ByteReader, framing: Framing): Promise<Body> {
  if (framing.kind === "none") return { bytes: Buffer.alloc(0), complete: true };
  if (framing.kind === "close") return { bytes: await reader.rest(), complete: (await reader.ended) === "fin" };
  if (framing.kind === "length") {
    const bytes = await reader.take(framing.length);
    return { bytes, complete: bytes.length === framing.length };
  }
  const chunks: Buffer[] = [];
  const trailers: string[] = [];
  const result = (complete: boolean) => ({
    bytes: Buffer.concat(chunks),
    complete,
    ...(trailers.length > 0 && { trailers }),
  });
  for (;;) {
    const line = (await reader.until("\r\n"))?.toString("latin1").trim();
    if (line === undefined || !/^[0-9a-f]+(;|$)/i.test(line)) return result(false);
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    const chunk = await reader.take(size + 2);
    chunks.push(chunk.subarray(0, size));
    if (chunk.length < size + 2) return result(false);
  }
  for (;;) {
    const trailer = await reader.until("\r\n");
    if (trailer === undefined) return result(false);
    if (trailer.length === 2) return result(true);
    trailers.push(trailer.toString("latin1").slice(0, -2));
  }
}

/** One chunk of a chunked body; no bytes make the last one. */
export const chunk = (bytes: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`), Buffer.from(bytes), Buffer.from("\r\n")]);

/** A message: its start line, its fields and its body, with nothing added. */
export const message = (start: string, fields: readonly Field[], body: string | Uint8Array = ""): Buffer =>
  Buffer.concat([
    Buffer.from(`${[start, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`, "latin1"),
    Buffer.from(body),
  ]);
