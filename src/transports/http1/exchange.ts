import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Address, addressOf } from "../../core/address.ts";
import { ProxyError } from "../../core/errors.ts";
import { trailersToPass } from "../../core/fields.ts";
import type { Incoming, Outgoing } from "../../core/ports.ts";
import { checkHead, isBodiless } from "../answer.ts";
import { codeOfConnecting } from "../node-errors.ts";
import type { Connection, Exchange } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { createFlow, type Flow, type Source } from "./flow.ts";
import type { Head } from "./head.ts";
import { requestHead } from "./request.ts";
import { http1Writer, upload } from "./upload.ts";

/** An answer as it came: with all of its body if that came with its head and is not lent, else with what is on its way. */
export interface Answer {
  readonly head: Pick<Head, "status" | "reason" | "fields" | "names" | "connection">;
  readonly body: Uint8Array | Flow | null;
  /** Of a body that came with its head; a flow brings its own. */
  readonly trailers: readonly string[];
}

/** A connection on which another protocol is spoken from now on. */
export interface Switched {
  readonly head: Head;
  readonly socket: Socket;
  /** What came after the head. */
  readonly rest: Uint8Array;
}

/** How an exchange went on. */
export interface Outcome {
  onAnswer(answer: Answer): void;
  /** Only after a request that asked for it. The exchange has ended, and the socket is the caller's. */
  onSwitch(switched: Switched): void;
  onFailure(error: ProxyError): void;
}

const none: readonly string[] = [];

/** What is less is copied: waiting for a client, it would keep all the memory of its read. */
const worthLending = 16 * 1024;

/** Sends one request over one connection and follows it until its answer has ended. */
export function exchange(connections: Connections, incoming: Incoming, outgoing: Outgoing, outcome: Outcome): void {
  const { method } = incoming;
  const { backend, deadlines, peer, fresh = false } = outgoing;
  const { alarms } = connections;
  const address: Address = addressOf(backend);
  const text = requestHead(incoming, outgoing, outgoing.host ?? address.host);
  let connection: Connection | undefined;
  let isOpen = false; // the connection stands
  let wait: "connect" | "send" | "response" | "idle" = "connect";
  let sent = false;
  let head: Head | undefined;
  let answered = false; // the outcome is known
  let complete = false; // the answer's end has come
  let over = false;
  let excess: Buffer | undefined;
  let chunks: Buffer[] = [];
  let bytes = 0;
  let trailers: readonly string[] = none;
  let flow: (Flow & Source) | undefined;
  let held = false;
  let drained = () => {};
  let stopUpload = () => {};
  let stopListening = () => {};
  let stopped: ProxyError | undefined;

  /** Ends the exchange from our side. */
  function stop(reason: ProxyError): void {
    stopped ??= reason;
    end(stopped);
  }

  function end(error?: ProxyError, reusable = false, seconds?: number): void {
    if (over) return;
    over = true;
    stopListening();
    stopUpload();
    if (reusable) {
      if (held) connection!.socket?.resume();
      connections.keep(address, peer, connection!, seconds);
    } else if (connection !== undefined) connections.drop(connection);
    if (!answered) return outcome.onFailure(error!);
    if (error !== undefined) flow?.fail(error);
    outgoing.onEnd(bytes, error);
  }

  function failure(cause: Error): ProxyError {
    if (answered) return new ProxyError("http_response_incomplete", { cause });
    if (cause instanceof ProxyError) return cause;
    if (!isOpen) return new ProxyError(codeOfConnecting(cause, address.secure), { cause });
    return new ProxyError("connection_terminated", { cause, reused: connection?.carried === true });
  }

  function waitFor(next: typeof wait, ms: number): void {
    if (connection === undefined || over) return;
    wait = next;
    if (ms > 0) alarms.set(connection.alarm, ms);
    else connection.alarm.at = Number.POSITIVE_INFINITY;
  }

  function onSent(): void {
    sent = true;
    if (head === undefined) waitFor("response", deadlines.responseMs);
  }

  function onOpen(opened: Connection): void {
    connection = opened;
    isOpen = true;
    const socket = opened.socket!;
    const { body } = incoming;
    if (body === undefined) {
      socket.write(text, "latin1");
      onSent();
    } else if (body.whole !== undefined) {
      // Corked, head and body leave in one write.
      socket.cork();
      socket.write(text, "latin1");
      socket.write(body.whole);
      socket.uncork();
      onSent();
    } else {
      socket.write(text, "latin1");
      const pause = (forBackend: boolean) => head === undefined && waitFor("send", forBackend ? deadlines.sendMs : 0);
      stopUpload = upload(body, incoming.trailers, http1Writer(socket, body.length), {
        onWait: pause,
        onSent,
        onBroken: stop,
        onDrained: (go) => (drained = go),
      });
    }
  }

  /** Holds the backend back, or goes on reading. */
  function hold(back: boolean): void {
    if (over || back === held) return;
    held = back;
    waitFor("idle", back ? 0 : deadlines.idleMs); // it is the client who is slow
    if (back) connection!.socket?.pause();
    else connection!.socket?.resume();
  }

  /** The connection is the caller's from now on. */
  function handOver(): void {
    over = true;
    stopListening();
    outcome.onSwitch({ head: head!, socket: connections.detach(connection!)!, rest: excess ?? new Uint8Array() });
  }

  /** Bytes that stay what they are when the socket is read again. */
  const kept = (bytes: Buffer) => (connection!.memory === undefined ? bytes : Buffer.from(bytes));

  function passOn(bytes: Buffer): void {
    const { memory } = connection!;
    if (memory === undefined || bytes.byteLength < worthLending) flow!.data(kept(bytes));
    else flow!.data(bytes, memory.lend());
  }

  /** The answer so far is passed on; what follows flows. */
  function answer(): void {
    answered = true;
    const { status } = head!;
    if (isBodiless(method, status)) return outcome.onAnswer({ head: head!, body: null, trailers });
    if (complete && (connection!.memory === undefined || bytes < worthLending)) {
      const [first] = chunks;
      return outcome.onAnswer({
        head: head!,
        body: chunks.length === 1 ? kept(first!) : Buffer.concat(chunks),
        trailers,
      });
    }
    flow = createFlow(hold, () => stop(new ProxyError("client_aborted")));
    for (const chunk of chunks) passOn(chunk);
    if (complete) flow.end(trailers);
    chunks = [];
    outcome.onAnswer({ head: head!, body: flow, trailers });
  }

  const handlers: Exchange = {
    method,
    upgrading: incoming.upgrade !== undefined,
    onOpen,
    onInterim: (interim) => incoming.onInterim?.(interim.status, interim.fields),
    onHead(received) {
      const { status, framing } = received;
      if (status !== 101) checkHead(status, typeof framing === "number" ? framing : 0);
      head = received;
      waitFor("idle", deadlines.idleMs);
    },
    onData(chunk) {
      bytes += chunk.byteLength;
      if (deadlines.idleMs > 0) waitFor("idle", deadlines.idleMs);
      if (flow !== undefined) passOn(chunk);
      else if (!answered) chunks.push(chunk);
    },
    onEnd(received) {
      complete = true;
      trailers = trailersToPass(received);
      flow?.end(trailers);
    },
    onExcess: (more) => void (excess = kept(more)),
    onRead() {
      if (head === undefined || over) return;
      if (head.status === 101) return handOver();
      if (!answered) answer();
      // A request that was not sent whole cannot be followed by another one, nor a body that nobody can be given.
      if (complete) end(undefined, head.keepAlive && sent && !fresh && excess === undefined, head.keepAliveSeconds);
      else if (flow === undefined) end();
    },
    onDrain: () => drained(),
    onAlarm() {
      if (wait === "idle") return onLost(new Error(`nothing came for ${deadlines.idleMs} ms`));
      stop(new ProxyError(wait === "connect" ? "connection_timeout" : "http_response_timeout"));
    },
    onLost,
  };

  function onLost(cause: Error): void {
    end(stopped ?? failure(cause));
  }

  stopListening = incoming.onAbort(() => stop(new ProxyError("client_aborted")));
  if (over) return stopListening(); // had left already
  const taken = connections.take(address, peer, fresh, handlers);
  if (over) return;
  connection = taken;
  if (!isOpen) waitFor("connect", deadlines.connectMs);
}
