import { addressOf } from "../core/address.ts";
import { type ErrorCode, ProxyError } from "../core/errors.ts";
import type { Incoming, Outgoing, RequestBody, Transport } from "../core/ports.ts";
import { isBodiless } from "./answer.ts";

/** What one runtime's `fetch` needs otherwise than another's. */
export interface FetchForm {
  /** Beside method, headers, body, signal and `redirect: "manual"`. */
  init(outgoing: Outgoing): object;
  /** The body as this fetch sends it with its length; `read` is called when it was read to its end, or could not be. */
  requestBody(body: RequestBody, read: () => void): ReadableStream<Uint8Array>;
  /** The row for what this fetch throws. */
  codeOf(error: unknown): ErrorCode;
  /** The answer for the client, hop-by-hop fields out. */
  answer(response: Response, method: string, outgoing: Outgoing): Response;
}

/** Sends with a `fetch`: the runtime's own, or in a test that of a Hono app. */
export function fetchTransport(
  send: (request: string, init: RequestInit) => Response | Promise<Response>,
  form: FetchForm,
): Transport {
  return async (incoming, outgoing) => {
    const { body, method } = incoming;
    const aborter = new AbortController();
    let stopped: ProxyError | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = (reason: ProxyError) => {
      stopped ??= reason;
      aborter.abort(stopped);
    };
    const startTimer = () => {
      timer ??= setTimeout(() => stop(new ProxyError("http_response_timeout")), outgoing.deadlines.responseMs);
    };
    const stopListening = incoming.onAbort(() => stop(new ProxyError("client_aborted")));
    const watched: Outgoing = {
      ...outgoing,
      onEnd(bytes, error) {
        stopListening();
        outgoing.onEnd(bytes, error);
      },
    };

    const init: RequestInit = {
      ...form.init(outgoing),
      method,
      headers: fieldsOf(incoming, outgoing),
      redirect: "manual",
      signal: aborter.signal,
    };
    if (body === undefined) startTimer();
    else {
      const read = () => (body.failure === undefined ? startTimer() : stop(body.failure));
      Object.assign(init, { body: form.requestBody(body, read), duplex: "half" });
    }

    try {
      const response = await send(addressOf(outgoing.backend).origin + outgoing.target, init);
      return form.answer(response, method, watched);
    } catch (cause) {
      stopListening();
      throw stopped ?? (cause instanceof ProxyError ? cause : new ProxyError(form.codeOf(cause), { cause }));
    } finally {
      clearTimeout(timer);
    }
  };
}

function fieldsOf(incoming: Incoming, { headers: { drop, set }, host }: Outgoing): Headers {
  const headers = new Headers(incoming.headers);
  for (const name of drop) headers.delete(name);
  for (const [name, value] of set) headers.set(name, value);
  if (host !== undefined) headers.set("host", host);
  return headers;
}

/**
 * Passes a body on and tells when it has ended, or that it broke.
 *
 * @param idleMs longest wait for a chunk; 0 is no limit
 */
export function watchBody(
  source: ReadableStream<Uint8Array>,
  idleMs: number,
  onEnd: (bytes: number, error?: unknown) => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let bytes = 0;
  let ended = false;

  function end(error?: ProxyError): void {
    if (ended) return;
    ended = true;
    onEnd(bytes, error);
  }

  async function readInTime() {
    if (idleMs === 0) return await reader.read();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing came for ${idleMs} ms`)), idleMs);
    });
    return await Promise.race([reader.read(), late]).finally(() => clearTimeout(timer));
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await readInTime();
          if (!done) {
            bytes += value.byteLength;
            return controller.enqueue(value);
          }
          controller.close();
          end();
        } catch (cause) {
          const error = new ProxyError("http_response_incomplete", { cause });
          controller.error(error);
          end(error);
          reader.cancel(error).catch(() => {});
        }
      },
      cancel(reason) {
        end(new ProxyError("client_aborted", { cause: reason }));
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** A pass-through that calls `read` when the last byte has been taken. */
export function tellEnd(source: ReadableStream<Uint8Array>, read: () => void): ReadableStream<Uint8Array> {
  return source.pipeThrough(new TransformStream({ flush: read }));
}

/** A Response with these fields and the body untouched; null where the answer has none. */
export function respond(
  response: Response,
  method: string,
  headers: Headers,
  body: ReadableStream<Uint8Array> | null,
): Response {
  const { status, statusText } = response;
  return new Response(isBodiless(method, status) ? null : body, { status, statusText, headers });
}
