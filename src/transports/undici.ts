import { isIP } from "node:net";
import { buildConnector, Client, type Dispatcher } from "undici";
import { type Address, addressOf } from "../core/address.ts";
import { ProxyError } from "../core/errors.ts";
import type { Incoming, Outgoing, Transport } from "../core/ports.ts";
import { hopByHopNames } from "../core/fields.ts";
import { checkStatus, isBodiless } from "./answer.ts";
import { codeOfConnecting, codeOfExchange } from "./node-errors.ts";

/** One connection to a backend, used by one request at a time. */
interface Lane {
  readonly client: Client;
  readonly home: Lane[];
  /** Answers that its present connection has carried. */
  carried: number;
}

const connector = buildConnector({ timeout: 0, allowH2: false });

/**
 * undici's raw dispatch, for Node and Deno: bytes as they came, no fields invented, nothing sent twice.
 *
 * Idle connections are kept in a list of our own, the last used first: undici's Pool searches all of its clients for each request.
 */
export function undiciTransport(): Transport {
  const idle = new Map<string, Lane[]>();

  function laneTo(address: Address, fresh: boolean): Lane {
    let home = idle.get(address.origin);
    if (home === undefined) idle.set(address.origin, (home = []));
    return (fresh ? undefined : home.pop()) ?? openLane(address, home);
  }

  return (incoming, outgoing) => {
    const address = addressOf(outgoing.backend);
    return exchange(laneTo(address, outgoing.fresh ?? false), address, incoming, outgoing);
  };
}

function openLane(address: Address, home: Lane[]): Lane {
  const servername = isIP(address.hostname) === 0 ? address.hostname : undefined;
  const client = new Client(address.origin, {
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0, // the deadlines are held here, where they begin when the request is sent
    maxHeaderSize: 64 * 1024,
    connect: (options, callback) => {
      lane.carried = 0;
      // The name to be shown is the backend's own: undici would take it from the Host field.
      connector(servername === undefined ? options : { ...options, servername }, callback);
    },
  });
  const lane: Lane = { client, home, carried: 0 };
  client.on("disconnect", () => {
    const index = home.indexOf(lane);
    if (index < 0) return;
    home.splice(index, 1);
    client.destroy().catch(() => {});
  });
  return lane;
}

function exchange(lane: Lane, address: Address, incoming: Incoming, outgoing: Outgoing): Promise<Response> {
  const { client } = lane;
  const { deadlines } = outgoing;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
    let answered = false;
    let ended = false;
    let bytes = 0;
    let stopped: ProxyError | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;

    /** Ends the exchange from our side. Before a connection stands only destroying the client does. */
    function stop(reason: ProxyError): void {
      stopped ??= reason;
      if (controller === undefined) client.destroy(reason).catch(() => {});
      else controller.abort(reason);
      if (controller === undefined) end(reason);
    }

    function end(error?: unknown): void {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      stopListening();
      if (error !== undefined || client.destroyed) client.destroy().catch(() => {});
      else lane.home.push(lane);
      if (!answered) return reject(error);
      if (error === undefined) stream?.close();
      else stream?.error(error);
      outgoing.onEnd(bytes, error);
    }

    const stopListening = incoming.onAbort(() => stop(new ProxyError("client_aborted")));
    timer = setTimeout(() => stop(new ProxyError("connection_timeout")), deadlines.connectMs);

    client.dispatch(
      {
        path: outgoing.target,
        method: incoming.method,
        headers: fieldsOf(incoming, outgoing, address),
        body: incoming.body === undefined ? null : (chunksOf(incoming.body.open()) as unknown as Dispatcher.DispatchOptions["body"] & object),
        bodyTimeout: deadlines.idleMs,
        reset: false, // undici closes the connection after HEAD unless told not to
      },
      {
        onRequestStart(started) {
          controller = started;
          clearTimeout(timer);
          if (stopped !== undefined) started.abort(stopped);
        },
        onRequestSent() {
          if (!answered && !ended) timer = setTimeout(() => stop(new ProxyError("http_response_timeout")), deadlines.responseMs);
        },
        onResponseStart(started, status) {
          if (status < 200) return;
          clearTimeout(timer);
          try {
            checkStatus(status);
            const headers = answerFields(started.rawHeaders as Buffer[]);
            const body = isBodiless(incoming.method, status) ? null : bodyFrom(started, (opened) => (stream = opened), () => {
              stream = undefined;
              stop(new ProxyError("client_aborted"));
            });
            answered = true;
            resolve(new Response(body, { status, headers }));
          } catch (cause) {
            answered = false;
            stop(cause instanceof ProxyError ? cause : new ProxyError("http_protocol_error", { cause }));
          }
        },
        onResponseData(started, chunk) {
          bytes += chunk.byteLength;
          if (stream === undefined) return;
          stream.enqueue(chunk);
          if ((stream.desiredSize ?? 0) <= 0) started.pause();
        },
        onResponseEnd() {
          lane.carried++;
          end();
        },
        onResponseError(_, cause) {
          const reused = lane.carried > 0;
          if (stopped !== undefined) end(stopped);
          else if (answered) end(new ProxyError("http_response_incomplete", { cause }));
          else if (controller === undefined) end(new ProxyError(codeOfConnecting(cause, address.secure), { cause }));
          else end(new ProxyError(codeOfExchange(cause), { cause, reused }));
        },
      },
    );
  });
}

/** The request's fields as undici takes them: name, value, name, value. */
function fieldsOf({ headers }: Incoming, { headers: { drop, set }, host }: Outgoing, address: Address): string[] {
  const fields = ["host", host ?? address.host];
  const ours = new Set(set.map(([name]) => name));
  for (const [name, value] of headers) {
    if (!drop.has(name) && !ours.has(name)) fields.push(name, value);
  }
  for (const [name, value] of set) fields.push(name, value);
  return fields;
}

function answerFields(raw: readonly Buffer[]): Headers {
  const pairs: [string, string][] = [];
  let connection: string | null = null;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toString("latin1").toLowerCase();
    const value = raw[index + 1]!.toString("latin1");
    if (name === "connection") connection = connection === null ? value : `${connection},${value}`;
    pairs.push([name, value]);
  }
  const drop = hopByHopNames(connection);
  const headers = new Headers();
  for (const [name, value] of pairs) if (!drop.has(name)) headers.append(name, value);
  return headers;
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The answer's body: asks the socket for more only when it is read, so a slow client makes nobody's memory grow. */
function bodyFrom(
  controller: Dispatcher.DispatchController,
  opened: (stream: ReadableStreamDefaultController<Uint8Array>) => void,
  cancelled: () => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    { start: opened, pull: () => controller.resume(), cancel: cancelled },
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  );
}
