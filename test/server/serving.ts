import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { ProxyError } from "../../src/core/errors.ts";
import type { Client, RawRequest } from "../../src/core/ports.ts";
import { type ConnectionLimits, serveConnection, type ServerConnection } from "../../src/server/connection.ts";
import type { App, ServerEnv } from "../../src/server/exchange.ts";
import type { Alarm, Alarms } from "../../src/transports/http1/alarms.ts";
import { type FakeSocket, fakeSocket } from "../support/fake-socket.ts";
import { latin1 } from "../transports/http1/reading.ts";

export const kibibyte = 1024;

/** Told apart by their lengths, which nothing else has. */
export const limits: ConnectionLimits = { headBytes: 16 * kibibyte, headTimeout: 10_001, idleTimeout: 75_001 };
/** How long the client has after its last answer. */
export const lingerMs = 2_000;

/** A head, written with plain line feeds and without its empty line. */
export const head = (text: string): Buffer => latin1(`${text.replaceAll("\n", "\r\n")}\r\n\r\n`);

/** A request as the app was given it. */
export interface Heard {
  readonly request: Request;
  readonly client: Client;
  readonly raw: RawRequest;
  readonly env: ServerEnv;
}

/** An alarm clock that only the test lets ring. */
export interface ManualAlarms extends Alarms {
  /** What was set last and not called off: its milliseconds. */
  due(): number | undefined;
  /** The time has come. */
  ring(): void;
  /** All that was ever set, in milliseconds. */
  readonly history: readonly number[];
  /** Alarms that were added and not removed. */
  count(): number;
}

export function manualAlarms(): ManualAlarms {
  const alarms = new Set<Alarm>();
  const history: number[] = [];
  const pending = () => [...alarms].find(({ at }) => at < Number.POSITIVE_INFINITY);
  return {
    add: (alarm) => void alarms.add(alarm),
    remove: (alarm) => void alarms.delete(alarm),
    set(alarm, ms) {
      alarm.at = ms;
      history.push(ms);
    },
    history,
    due: () => pending()?.at,
    ring() {
      const alarm = pending();
      if (alarm === undefined) throw new Error("no alarm is set");
      alarm.at = Number.POSITIVE_INFINITY;
      alarm.ring();
    },
    count: () => alarms.size,
  };
}

/** Who answers; what is not said is answered with the request's target. */
export type Answering = (heard: Heard) => Response | Promise<Response>;

/** A client's connection with both of its ends in the test's hands. */
export interface Line extends Omit<FakeSocket, "say" | "taken"> {
  say(bytes: string | Uint8Array): void;
  /** What the client was given, in Latin-1. */
  taken(): string;
  /** What it was given since it was asked for last. */
  more(): string;
  wasReset(): boolean;
  readonly connection: ServerConnection;
  readonly alarms: ManualAlarms;
  /** Requests that the app was given. */
  readonly heard: readonly Heard[];
  /** Why the client was refused. */
  readonly refused: readonly ProxyError[];
}

/** A Response of bytes, which brings no fields of its own. */
export const plain = (body: string, init: ResponseInit = {}): Response =>
  new Response(new Uint8Array(latin1(body)), init);

export const echoTarget: Answering = ({ raw }) => plain(raw.target);

/** Refuses with the code of the error. */
export function createApp(answering: Answering, heard: Heard[], refused: ProxyError[]): App {
  return {
    fetch(request, env) {
      const mine: Heard = { request, env, client: env.client, raw: env.client.raw! };
      heard.push(mine);
      return answering(mine);
    },
    refuse(error) {
      refused.push(error);
      return plain(error.code, { status: error.row.status });
    },
  };
}

export function openLine(answering: Answering = echoTarget, changes: Partial<ConnectionLimits> = {}): Line {
  const fake = fakeSocket({ allowHalfOpen: true });
  const heard: Heard[] = [];
  const refused: ProxyError[] = [];
  const alarms = manualAlarms();
  let wasReset = false;
  let seen = 0;
  const socket = Object.assign(fake.socket, {
    resetAndDestroy() {
      wasReset = true;
      return fake.socket.destroy();
    },
  });
  const origin = { address: "192.0.2.1", port: 8080, secure: false };
  const app = createApp(answering, heard, refused);
  const connection = serveConnection(socket, origin, app, { ...limits, ...changes }, alarms);
  return {
    ...fake,
    say: (bytes) => fake.say(typeof bytes === "string" ? latin1(bytes) : Buffer.from(bytes)),
    taken: () => fake.taken().toString("latin1"),
    more() {
      const all = fake.taken();
      const fresh = all.toString("latin1", seen);
      seen = all.length;
      return fresh;
    },
    wasReset: () => wasReset,
    connection,
    alarms,
    heard,
    refused,
  };
}

/** Turns of the event loop until something is so; far more than anything here needs are too many. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (isSo()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it never came about: ${what}`);
}

/** A promise in the test's hands. */
export interface Awaited<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function awaited<T>(): Awaited<T> {
  let resolve: Awaited<T>["resolve"] = () => {};
  let reject: Awaited<T>["reject"] = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A body that the test writes as it likes. */
export interface Script {
  readonly body: ReadableStream<Uint8Array>;
  write(text: string): void;
  end(): void;
  fail(): void;
  cancelled(): boolean;
}

export function scripted(): Script {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (cancelled = true),
  });
  return {
    body,
    write: (text) => controller!.enqueue(latin1(text)),
    end: () => controller!.close(),
    fail: () => controller!.error(new Error("the backend broke off")),
    cancelled: () => cancelled,
  };
}

/** A socket without a loop of its own: what is said to it is heard at once, and what its listeners throw comes out. */
export interface PlainWire {
  readonly socket: Socket;
  /** While the socket is paused, what is said waits. */
  say(bytes: Uint8Array): void;
  leave(): void;
  /** The client takes nothing any more. */
  stall(): void;
  takeOn(): void;
  /** Whether nothing that is said now is answered. */
  isOver(): boolean;
}

export function plainWire(): PlainWire {
  const waiting: Buffer[] = [];
  let paused = false;
  let stalled = false;
  const emitter = new EventEmitter();

  function flow(): void {
    if (paused || socket.destroyed || waiting.length === 0) return;
    emitter.emit("data", waiting.shift());
    flow();
  }

  const socket = Object.assign(emitter, {
    destroyed: false,
    ended: false,
    writableLength: 0,
    writableNeedDrain: false,
    pause: () => void (paused = true),
    resume() {
      if (!paused) return;
      paused = false;
      queueMicrotask(flow);
    },
    cork() {},
    uncork() {},
    write(bytes: string | Uint8Array) {
      if (stalled) socket.writableLength += bytes.length;
      socket.writableNeedDrain = stalled;
      return !stalled;
    },
    end: () => void (socket.ended = true),
    destroy() {
      if (socket.destroyed) return;
      socket.destroyed = true;
      queueMicrotask(() => emitter.emit("close"));
    },
    resetAndDestroy: () => socket.destroy(),
  });
  return {
    socket: socket as unknown as Socket,
    say(bytes) {
      waiting.push(Buffer.from(bytes));
      flow();
    },
    leave() {
      if (!socket.destroyed && !paused) emitter.emit("end");
    },
    stall: () => void (stalled = true),
    takeOn() {
      stalled = socket.writableNeedDrain = false;
      socket.writableLength = 0;
      if (!socket.destroyed) emitter.emit("drain");
    },
    isOver: () => socket.ended || socket.destroyed,
  };
}

/** An answer as the client finds it in what it was given. */
export interface Answered {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  /** What ends the body; `cut`: it is not whole. */
  readonly end: "none" | "length" | "chunked" | "close" | "cut";
  readonly trailers: readonly string[];
}

/** The answers in what a client was given, by RFC 9112 §6.3. @param methods of its requests, in their order; GET where they end */
export function answersIn(text: string, methods: readonly string[] = []): Answered[] {
  const answers: Answered[] = [];
  let finals = 0;
  for (let at = 0; at < text.length;) {
    const headEnd = text.indexOf("\r\n\r\n", at);
    const [line = "", ...lines] = text.slice(at, headEnd).split("\r\n");
    const [, digits] = /^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(line) ?? [];
    if (headEnd < 0 || digits === undefined) throw new Error(`no answer: ${JSON.stringify(text.slice(at, at + 200))}`);
    const status = Number(digits);
    const fields = new Map(lines.map((each): [string, string] => {
      const colon = each.indexOf(": ");
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 2)];
    }));
    if (fields.size !== lines.length) throw new Error(`a field comes twice: ${lines.join(" | ")}`);
    const method = status < 200 ? "GET" : (methods[finals++] ?? "GET");
    const { length, ...rest } = bodyIn(text, headEnd + 4, status, method, fields);
    answers.push({ status, fields, ...rest });
    at = headEnd + 4 + length;
  }
  return answers;
}

function bodyIn(
  text: string,
  from: number,
  status: number,
  method: string,
  fields: ReadonlyMap<string, string>,
): Pick<Answered, "body" | "end" | "trailers"> & { readonly length: number } {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { body: "", end: "none", trailers: [], length: 0 };
  }
  const announced = fields.get("content-length");
  if (announced !== undefined) {
    const body = text.slice(from, from + Number(announced));
    const end = body.length === Number(announced) ? "length" : "cut";
    return { body, end, trailers: [], length: body.length };
  }
  if (!fields.has("transfer-encoding")) {
    return { body: text.slice(from), end: "close", trailers: [], length: text.length - from };
  }
  let body = "";
  for (let at = from;;) {
    const [line, size] = /^([0-9a-f]+)\r\n/.exec(text.slice(at, at + 20)) ?? [];
    const bytes = Number.parseInt(size ?? "", 16);
    if (line === undefined) return { body, end: "cut", trailers: [], length: text.length - from };
    at += line.length;
    if (bytes === 0) {
      const end = text.startsWith("\r\n", at) ? at - 2 : text.indexOf("\r\n\r\n", at);
      const trailers = text.slice(at, Math.max(at, end)).split("\r\n").filter((each) => each !== "");
      return { body, end: end < 0 ? "cut" : "chunked", trailers, length: end + 4 - from };
    }
    body += text.slice(at, at + bytes);
    at += bytes + 2;
  }
}
