import type { Dispatcher } from "undici";
import { type Address, addressOf } from "../core/address.ts";
import { ProxyError } from "../core/errors.ts";
import { hopByHopNames } from "../core/fields.ts";
import type { Incoming, Outgoing, Transport } from "../core/ports.ts";
import { checkStatus, isBodiless } from "./answer.ts";
import { createLanes, type Lane } from "./lanes.ts";
import { codeOfConnecting, codeOfExchange } from "./node-errors.ts";

/** undici's raw dispatch, for Node and Deno: bytes as they came, no fields invented, nothing sent twice. */
export function undiciTransport(): Transport {
  const take = createLanes();
  return (incoming, outgoing) => {
    const address = addressOf(outgoing.backend);
    return new Promise((resolve, reject) => {
      const lane = take(address, outgoing.fresh ?? false);
      const handler = exchange(lane, address, incoming, outgoing, resolve, reject);
      // Destroyed is the client of somebody who had left already.
      if (!lane.client.destroyed) {
        lane.client.dispatch(requestFor(address, incoming, outgoing, handler.onWait), handler);
      }
    });
  };
}

function requestFor(
  address: Address,
  incoming: Incoming,
  { target, headers, host, deadlines, fresh }: Outgoing,
  onWait: (forBackend: boolean) => void,
): Dispatcher.DispatchOptions {
  const body = incoming.body === undefined ? null : chunksOf(incoming.body.open(), onWait);
  return {
    path: target,
    method: incoming.method,
    headers: fieldsOf(incoming, headers, host ?? address.host),
    // undici takes any iterable, but its types know streams only.
    body: body as unknown as NonNullable<Dispatcher.DispatchOptions["body"]> | null,
    bodyTimeout: deadlines.idleMs,
    reset: fresh ?? false, // left alone, undici closes the connection after a HEAD
  };
}

/** Follows one request on its connection, and gives its answer or its failure to whoever waits. */
function exchange(
  lane: Lane,
  address: Address,
  { method, onAbort }: Incoming,
  { deadlines, fresh, onEnd }: Outgoing,
  resolve: (response: Response) => void,
  reject: (error: unknown) => void,
): Dispatcher.DispatchHandler & { onWait(forBackend: boolean): void } {
  let controller: Dispatcher.DispatchController | undefined;
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  let stopped: ProxyError | undefined;
  let answered = false;
  let ended = false;
  let bytes = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopListening = () => {};

  /** Ends the exchange from our side. Before the connection stands undici hears nothing but the end of its client. */
  function stop(reason: ProxyError): void {
    stopped ??= reason;
    if (controller === undefined) end(stopped);
    else controller.abort(stopped);
  }

  function end(error?: ProxyError): void {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    stopListening();
    lane.leave(error === undefined && fresh !== true);
    if (!answered) return reject(error);
    if (error === undefined) stream?.close();
    else stream?.error(error);
    onEnd(bytes, error);
  }

  function failure(cause: Error): ProxyError {
    if (stopped !== undefined) return stopped;
    if (answered) return new ProxyError("http_response_incomplete", { cause });
    if (controller === undefined) return new ProxyError(codeOfConnecting(cause, address.secure), { cause });
    return new ProxyError(codeOfExchange(cause), { cause, reused: lane.isReused() });
  }

  function answer(status: number, raw: readonly Buffer[]): Response {
    checkStatus(status);
    const headers = answerFields(raw);
    if (isBodiless(method, status)) return new Response(null, { status, headers });
    // The socket is asked for more only when the body is read, so a slow client makes nobody's memory grow.
    const body = new ReadableStream<Uint8Array>(
      {
        start: (opened) => void (stream = opened),
        pull: () => controller?.resume(),
        cancel() {
          stream = undefined;
          stop(new ProxyError("client_aborted"));
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
    );
    return new Response(body, { status, headers });
  }

  /** Waits for the backend from now on, or for nobody. */
  function startTimer(ms: number | undefined): void {
    clearTimeout(timer);
    if (ms === undefined || answered || ended) return;
    timer = setTimeout(() => stop(new ProxyError("http_response_timeout")), ms);
  }

  timer = setTimeout(() => stop(new ProxyError("connection_timeout")), deadlines.connectMs);
  stopListening = onAbort(() => stop(new ProxyError("client_aborted")));
  if (ended) stopListening(); // had left already

  return {
    onRequestStart(started) {
      controller = started;
      clearTimeout(timer);
    },
    /** The body was asked for, or handed over: then the backend has to take it. */
    onWait: (forBackend) => startTimer(forBackend ? deadlines.sendMs : undefined),
    onRequestSent: () => startTimer(deadlines.responseMs),
    onResponseStart(started, status) {
      if (status < 200) return;
      clearTimeout(timer);
      try {
        const response = answer(status, started.rawHeaders as Buffer[]);
        answered = true;
        resolve(response);
      } catch (cause) {
        stop(cause instanceof ProxyError ? cause : new ProxyError("http_protocol_error", { cause }));
      }
    },
    onResponseData(started, chunk) {
      bytes += chunk.byteLength;
      stream?.enqueue(chunk);
      if (stream !== undefined && (stream.desiredSize ?? 0) <= 0) started.pause();
    },
    onResponseEnd() {
      const cause = lane.failure();
      end(cause && new ProxyError("http_response_incomplete", { cause }));
    },
    onResponseError: (_, cause) => end(failure(cause)),
  };
}

/** A request's fields as undici takes them: name, value, name, value. The length is that of the body, whatever the fields say. */
function fieldsOf({ headers, body }: Incoming, { drop, set }: Outgoing["headers"], host: string): string[] {
  const fields = ["host", host];
  if (body?.length !== undefined) fields.push("content-length", String(body.length));
  const ours = new Set(set.map(([name]) => name));
  headers.forEach((value, given) => {
    const name = given.toLowerCase();
    if (!drop.has(name) && !ours.has(name) && name !== "content-length") fields.push(name, value);
  });
  for (const [name, value] of set) fields.push(name, value);
  return fields;
}

function answerFields(raw: readonly Buffer[]): Headers {
  const fields: [name: string, value: string][] = [];
  let connection: string | null = null;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toString("latin1").toLowerCase();
    const value = raw[index + 1]!.toString("latin1");
    if (name === "connection") connection = connection === null ? value : `${connection},${value}`;
    fields.push([name, value]);
  }
  const drop = hopByHopNames(connection);
  return new Headers(fields.filter(([name]) => !drop.has(name)));
}

async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  onWait: (forBackend: boolean) => void,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (;;) {
    onWait(false);
    const { done, value } = await reader.read();
    if (done) return;
    onWait(true);
    yield value;
  }
}
