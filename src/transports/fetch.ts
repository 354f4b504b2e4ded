import { addressOf } from "../core/address.ts";
import { type ErrorCode, ProxyError } from "../core/errors.ts";
import type { Incoming, Outgoing, RequestBody, Transport } from "../core/ports.ts";
import { checkResponse, isBodiless } from "./answer.ts";

/** What one runtime's `fetch` needs otherwise than another's. */
export interface FetchForm {
  /** Beside method, headers, body, signal and `redirect: "manual"`. */
  init(outgoing: Outgoing): object;
  /** The body in the form in which this fetch keeps its length; `broken` is told what it could not be sent whole for. */
  requestBody(
    stream: ReadableStream<Uint8Array>,
    length: number | undefined,
    broken: (cause: unknown) => void,
  ): ReadableStream<Uint8Array>;
  /** The row for what this fetch throws. */
  codeOf(error: unknown): ErrorCode;
  /** The answer for the client, hop-by-hop fields out; `signal` aborts when nobody waits for it any more. */
  answer(response: Response, method: string, outgoing: Outgoing, signal: AbortSignal): Response;
}

/** Sends with a `fetch`: the runtime's own, or in a test that of a Hono app. */
export function fetchTransport(
  send: (request: string, init: RequestInit) => Response | Promise<Response>,
  form: FetchForm,
): Transport {
  return async (incoming, outgoing) => {
    const { body, method } = incoming;
    const headers = fieldsOf(incoming, outgoing);
    const aborter = new AbortController();
    const { signal } = aborter;
    let stopped: ProxyError | undefined;
    const stop = (reason: ProxyError) => {
      stopped ??= reason;
      aborter.abort(stopped);
    };
    const patience = createPatience(outgoing.deadlines, (code) => stop(new ProxyError(code)));
    const stopListening = incoming.onAbort(() => stop(new ProxyError("client_aborted")));
    const watched: Outgoing = {
      ...outgoing,
      onEnd(bytes, error) {
        stopListening();
        outgoing.onEnd(bytes, error);
      },
    };

    try {
      // A body is read only when a connection stands; without one, connecting and answering are one wait.
      patience.begin(body === undefined ? "response" : "connect");
      const init: RequestInit = { ...form.init(outgoing), method, headers, redirect: "manual", signal };
      if (body !== undefined) {
        const broken = (cause: unknown) => cause instanceof ProxyError && stop(cause);
        const stream = form.requestBody(watchUpload(body, patience), body.length, broken);
        Object.assign(init, { body: stream, duplex: "half" });
      }
      if (stopped !== undefined) throw stopped;
      const response = await send(addressOf(outgoing.backend).origin + outgoing.target, init);
      if (incoming.upgrade === undefined || response.status !== 101) checkResponse(response, method);
      return form.answer(response, method, watched, signal);
    } catch (cause) {
      stopListening();
      aborter.abort(cause); // an answer that cannot be passed on would keep its connection
      throw stopped ?? (cause instanceof ProxyError ? cause : new ProxyError(form.codeOf(cause), { cause }));
    } finally {
      patience.end();
    }
  };
}

/** For what a backend is waited for: to take the body's first bytes, its next ones, or to answer. */
type Wait = "connect" | "send" | "response";

/** Waits for a backend, as long as its deadlines say. Not counted is the time in which the client has nothing to send. */
interface Patience {
  begin(wait: Wait): void;
  pause(): void;
  end(): void;
}

function createPatience(
  { connectMs, sendMs, responseMs }: Outgoing["deadlines"],
  lose: (code: ErrorCode) => void,
): Patience {
  const waits = {
    connect: { ms: connectMs, code: "connection_timeout" },
    send: { ms: sendMs, code: "http_response_timeout" },
    response: { ms: responseMs, code: "http_response_timeout" },
  } as const;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const pause = () => clearTimeout(timer);
  return {
    begin(wait) {
      pause();
      const { ms, code } = waits[wait];
      if (!ended) timer = setTimeout(() => lose(code), ms);
    },
    pause,
    end() {
      ended = true;
      pause();
    },
  };
}

/** The request's fields as they go to the backend. */
export function fieldsOf(
  { headers: received, body, upgrade }: Incoming,
  { headers: { drop, set }, host }: Outgoing,
): Headers {
  // Copied as a whole: one by one, workerd gives and takes values as UTF-8.
  const headers = new Headers(received instanceof Headers ? received : undefined);
  if (!(received instanceof Headers)) received.forEach((value, name) => headers.append(name, value));
  // Several lines of cookies are one list, and the only one without commas (RFC 6265 §5.4).
  const cookies = headers.get("cookie");
  if (cookies?.includes(", ")) headers.set("cookie", cookies.replaceAll(/, (?=[\w!#$%&'*+.^`|~-]+=)/g, "; "));
  for (const name of drop) headers.delete(name);
  for (const [name, value] of set) headers.set(name, value);
  if (host !== undefined) headers.set("host", host);
  if (upgrade !== undefined) headers.set("upgrade", upgrade);
  // The length is that of the body, whatever the fields say.
  headers.delete("content-length");
  if (body?.length !== undefined) headers.set("content-length", String(body.length));
  return headers;
}

/** The client's body on its way out; it breaks if it is not as long as announced. */
function watchUpload({ length, open }: RequestBody, patience: Patience): ReadableStream<Uint8Array> {
  const reader = open().getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        patience.pause();
        const { done, value } = await reader.read();
        bytes += value?.byteLength ?? 0;
        if (length !== undefined && (done ? bytes < length : bytes > length)) throw new ProxyError("malformed_request");
        patience.begin(done ? "response" : "send");
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
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
