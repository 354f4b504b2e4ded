import timers from "node:timers";
import { ProxyError } from "../../core/errors.ts";
import { createBackendSide } from "./backend-side.ts";
import type { Received } from "./decode.ts";
import type { Opcode } from "./encode.ts";
import { opcodes } from "./frame-header.ts";
import type { Session } from "./sessions.ts";
import type { TunnelEnd } from "./tunnel.ts";

/** The largest message that is relayed, in bytes; a larger one is closed with 1009. */
export const maxMessageBytes = 16 * 1024 * 1024;
/** What may wait for a backend that takes nothing, beside one message: the client cannot be held back. Then: 1013. */
export const maxWaitingBytes = 16 * 1024 * 1024;
/** How long a side may take to end its connection after a close frame, or once the other is gone. */
const lingerMs = 5_000;

const encoder = new TextEncoder();

/** The client's side of a relay, as its runtime's server gives it. */
export interface ClientSide {
  /** Gives back whether more can be taken at once; else the relay has to be told by `onDrain`. */
  send(message: string | Uint8Array): boolean;
  /** Sends a close frame behind what waits. @param code `undefined`: none */
  close(code: number | undefined, reason: string): void;
  /** Ends the connection behind what waits, as nearly without a close frame as the runtime can. */
  breakOff(): void;
}

/** What a client's side tells. Its pings and pongs are its runtime's affair. */
export interface Relay extends Session {
  /** The client's side is there: what the backend has said already goes to it. */
  open(client: ClientSide): void;
  onMessage(message: string | Uint8Array): void;
  onDrain(): void;
  /** @param code as it came; 1005: the close frame had none; 1006: there was no close frame */
  onClose(code: number, reason: string): void;
}

/**
 * Passes messages between a backend's socket and a client of which only messages can be had.
 *
 * @param onEnd called once when both are closed, with the bytes that came from the backend
 */
export function relay(end: TunnelEnd, onEnd: (bytes: number, error?: ProxyError) => void): Relay {
  const backend = createBackendSide(end, maxMessageBytes, {
    onReadable: pump,
    onEnd: onBackendEnd,
    onClose() {
      backendGone = true;
      onBackendEnd();
      settle();
    },
  });
  let client: ClientSide | undefined;
  let isStalled = false; // the client takes no more
  let hasEnded = false; // the backend says no more
  let isDone = false; // the client gets no more: it was sent a close frame, was broken off or is gone
  let clientGone = false;
  let backendGone = false;
  let failure: ProxyError | undefined;
  let linger: ReturnType<typeof setTimeout> | undefined;
  let over = false;

  /** Gives the client what is there, as long as it takes it. */
  function pump(): void {
    if (client === undefined) return;
    while (!isStalled) {
      const received = backend.next();
      if (received === undefined) break;
      if (!isDone) deliver(client, received);
      else if (received.kind === "close") backend.end(); // the answer to ours
    }
    if (hasEnded && !isStalled && !isDone) {
      failure ??= new ProxyError("http_response_incomplete");
      breakOff(client);
    }
    backend.hold(isStalled);
  }

  function deliver(to: ClientSide, received: Received): void {
    switch (received.kind) {
      case "text":
        isStalled = !to.send(received.text);
        break;
      case "binary":
        isStalled = !to.send(received.bytes);
        break;
      case "ping":
        write(opcodes.pong, received.bytes);
        break;
      case "pong":
        break; // to a ping that nobody sent
      case "close":
        close(received.code, received.reason);
        backend.end();
        break;
      case "violation":
        failure ??= new ProxyError("http_protocol_error", { cause: new Error(received.reason) });
        close(received.code === 1009 ? 1009 : 1011, received.reason, received.code);
    }
  }

  function write(opcode: Opcode, payload: Uint8Array): void {
    if (backend.waiting() > maxWaitingBytes) {
      failure ??= new ProxyError("connection_terminated", { cause: new Error("the backend takes no more") });
      close(1013, "the backend is too slow");
    } else if (payload.length > maxMessageBytes) close(1009, "the message is too large");
    else backend.send(opcode, payload);
  }

  function close(code: number | undefined, reason: string, codeForBackend = code): void {
    backend.close(codeForBackend, reason);
    if (!isDone && client !== undefined) {
      isDone = true;
      isStalled = false;
      client.close(code, reason);
    }
    startLinger();
  }

  function breakOff(from: ClientSide): void {
    isDone = true;
    isStalled = false;
    from.breakOff();
    startLinger();
  }

  function onBackendEnd(): void {
    hasEnded = true;
    pump();
  }

  function startLinger(): void {
    if (!over) linger ??= timers.setTimeout(cut, lingerMs).unref();
  }

  function cut(): void {
    backend.destroy();
    if (!clientGone && client !== undefined) breakOff(client);
    clientGone = true;
    settle();
  }

  function settle(): void {
    if (over || !clientGone || !backendGone) return;
    over = true;
    clearTimeout(linger);
    onEnd(backend.bytes(), failure);
  }

  return {
    open(opened) {
      client = opened;
      pump();
    },
    onMessage(message) {
      if (typeof message === "string") write(opcodes.text, encoder.encode(message));
      else write(opcodes.binary, message);
    },
    onDrain() {
      isStalled = false;
      pump();
    },
    onClose(code, reason) {
      if (code !== 1006) backend.close(code === 1005 ? undefined : code, reason);
      else if (!backend.isClosing()) {
        if (!isDone) failure ??= new ProxyError("client_aborted");
        backend.end();
      }
      isDone = clientGone = true;
      isStalled = false;
      pump(); // to hear how the backend ends
      startLinger();
      settle();
    },
    goAway: () => close(1001, ""),
    cut,
  };
}
