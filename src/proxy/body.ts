import { ProxyError } from "../core/errors.ts";
import type { Fields, RawRequest, RequestBody } from "../core/ports.ts";

/** Bytes: what is kept for a further try, and what may pass at all. */
export interface BodyLimits {
  readonly keepBytes: number;
  readonly maxBytes: number | undefined;
  /** How much to ask the runtime for at a time, where it gives tiny pieces to whoever does not say. */
  readonly readBytes?: number | undefined;
}

/**
 * Finds out whether a request has a body; `undefined`: none.
 *
 * Content-Length and Transfer-Encoding decide (RFC 9112 §6.3). Deno has a body stream for every POST, so a stream that nothing announced
 * is asked for its first chunk, and no empty chunked body goes to the backend.
 *
 * @throws {ProxyError} `body_too_large`, `body_consumed`, `malformed_request` for a body that the runtime did not hand over
 */
export function bodyOf(
  request: Request,
  raw: RawRequest | undefined,
  limits: BodyLimits,
): Promise<RequestBody | undefined> | undefined {
  const headers = raw?.headers ?? request.headers;
  const { method } = request;
  if ((method === "GET" || method === "HEAD") && !headers.has("content-length") && !headers.has("transfer-encoding")) {
    return undefined;
  }
  return announcedBody(request, headers, raw, limits);
}

async function announcedBody(
  request: Request,
  headers: Fields,
  raw: RawRequest | undefined,
  limits: BodyLimits,
): Promise<RequestBody | undefined> {
  const announced = headers.get("content-length");
  if (announced !== null && !(/^\d+$/.test(announced) && Number.isSafeInteger(Number(announced)))) {
    throw new ProxyError("malformed_request", { detail: "Content-Length is not a number." });
  }
  const length = announced === null ? undefined : Number(announced);
  const coding = headers.get("transfer-encoding");
  // What else it was is known from the field alone, which goes no further (RFC 9112 §6.1).
  if (coding !== null && coding.toLowerCase() !== "chunked") {
    throw new ProxyError("malformed_request", { detail: "Transfer-Encoding is not chunked." });
  }
  const chunked = coding !== null;
  if (length === 0 && !chunked) return undefined;
  if (length !== undefined && limits.maxBytes !== undefined && length > limits.maxBytes) {
    throw tooLarge(limits.maxBytes);
  }
  raw?.ask?.();
  if (raw !== undefined && length !== undefined && length <= limits.keepBytes) {
    const bytes = await raw.whole(length);
    if (bytes !== undefined) return wholeBody(bytes);
  }
  if (request.bodyUsed || request.body?.locked) {
    throw new ProxyError("body_consumed", { detail: "A middleware in front of the balancer has read it." });
  }
  // workerd hands over what a GET has for a body, and then refuses to send it, like any other fetch.
  if (request.body === null || request.method === "GET" || request.method === "HEAD") {
    if (announced === null && !chunked) return undefined;
    throw new ProxyError("malformed_request", { detail: `A ${request.method} request with a body is not forwarded.` });
  }
  const body = createBody(request.body, chunked ? undefined : length, limits);
  if (chunked) return body;
  if (length === undefined) return (await body.isEmpty()) ? undefined : body;
  if (length > limits.keepBytes) return body;
  // Most short bodies come with the head, and go out with it, in one write and without a stream.
  const bytes = await body.first();
  return bytes?.byteLength === length ? { ...wholeBody(bytes), abandon: body.abandon } : body;
}

/** A body that is there. */
function wholeBody(whole: Uint8Array): RequestBody {
  const open = () => new Response(whole as Uint8Array<ArrayBuffer>).body!;
  return { length: whole.byteLength, whole, replayable: true, failure: undefined, open };
}

interface KeptBody extends RequestBody {
  abandon(): void;
  isEmpty(): Promise<boolean>;
  /** What comes first, which stays part of the body. */
  first(): Promise<Uint8Array | undefined>;
}

/** A body whose beginning is kept as it is read, so that it can be sent again as long as all of it is kept. */
export function createBody(
  source: ReadableStream<Uint8Array>,
  length: number | undefined,
  limits: BodyLimits,
): KeptBody {
  const reader = readerOf(source, length, limits.readBytes);
  const kept: Uint8Array[] = [];
  let read = 0;
  let dropped = 0; // chunks that are no longer kept
  let ended = false;
  let failure: ProxyError | undefined;
  let reading: Promise<boolean> | undefined;
  let opened = 0;

  // A read that an abandoned try began is the next try's read too: its chunk must not get lost.
  const readOn = () => (reading ??= readOne().finally(() => (reading = undefined)));

  /** Whether there was one more chunk. */
  async function readOne(): Promise<boolean> {
    if (failure !== undefined) throw failure;
    if (ended) return false;
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw (failure = cause instanceof ProxyError ? cause : new ProxyError("client_aborted", { cause }));
    });
    if (done) {
      ended = true;
      return false;
    }
    if (value.byteLength === 0) return await readOne(); // what Deno gives first of a body that is none
    read += value.byteLength;
    if (limits.maxBytes !== undefined && read > limits.maxBytes) throw (failure = tooLarge(limits.maxBytes));
    kept.push(value);
    return true;
  }

  return {
    length,
    get failure() {
      return failure;
    },
    get replayable() {
      return dropped === 0;
    },
    abandon: () => void reader.cancel().catch(() => {}),
    async isEmpty() {
      return kept.length === 0 && !(await readOn());
    },
    async first() {
      if (kept.length === 0) await readOn();
      return kept[0];
    },
    open() {
      const me = ++opened;
      let next = 0;
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (dropped > next) throw new TypeError("the body's beginning is no longer kept");
            if (next - dropped >= kept.length) await readOn();
            if (me !== opened) return controller.error(new TypeError("the body is being sent elsewhere"));
            const chunk = kept[next - dropped];
            if (chunk === undefined) return controller.close();
            next++;
            controller.enqueue(chunk);
            if (read > limits.keepBytes) dropped += kept.splice(0, next - dropped).length;
          },
        },
        // Nothing is read before it is asked for: a body that no connection took can go to another backend whatever its size.
        { highWaterMark: 0 },
      );
    },
  };
}

type ChunkReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

function readerOf(source: ReadableStream<Uint8Array>, length: number | undefined, readBytes?: number): ChunkReader {
  if (readBytes === undefined) return source.getReader();
  const reader = source.getReader({ mode: "byob" });
  const bytes = Math.min(length ?? readBytes, readBytes);
  return {
    read: () => reader.read(new Uint8Array(bytes)) as ReturnType<ChunkReader["read"]>,
    cancel: (reason) => reader.cancel(reason),
  };
}

function tooLarge(maxBytes: number): ProxyError {
  return new ProxyError("body_too_large", { detail: `At most ${maxBytes} bytes are accepted.` });
}
