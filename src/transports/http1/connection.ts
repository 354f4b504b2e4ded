import { Buffer } from "node:buffer";
import type { OnReadOpts, Socket } from "node:net";
import type { Alarm } from "./alarms.ts";
import { createParser, type Reading } from "./parser.ts";
import type { ReadBuffer } from "./read-buffers.ts";

/** The one exchange that a connection carries at a time. */
export interface Exchange extends Reading {
  /** The connection stands: the request can be written. */
  onOpen(connection: Connection): void;
  /** What one read from the socket held has been told. */
  onRead(): void;
  /** The answer was complete, or the protocol switched, and there is more: nobody asked for it. */
  onExcess(bytes: Buffer): void;
  onDrain(): void;
  onAlarm(): void;
  /** The connection is lost. */
  onLost(cause: Error): void;
}

/** A connection to a backend; it stands from `open` on. */
export interface Connection {
  readonly socket: Socket | undefined;
  readonly alarm: Alarm;
  /** What it is read into, where that is used again; the socket needs `onread` then. */
  readonly memory: ReadBuffer | undefined;
  readonly onread: OnReadOpts | undefined;
  /** Whether it has carried an answer: its backend may be closing it. */
  carried: boolean;
  /** When it was opened, on the monotonic clock. */
  readonly openedAt: number;
  /** Gives it to an exchange. */
  use(exchange: Exchange): void;
  /** Takes it from its exchange. */
  rest(onLost: () => void): void;
  /** It stands: its exchange may write. */
  open(socket: Socket): void;
  /** It is lost, or did not come to stand: its exchange is told. */
  lose(cause: Error): void;
  /** Ends it; its exchange hears nothing any more. */
  destroy(): void;
  /** Gives its socket away, as it is. */
  detach(): Socket | undefined;
}

/** @param stopDialing gives up connecting, while it does */
export function createConnection(stopDialing: () => void, memory: ReadBuffer | undefined): Connection {
  const parser = createParser();
  let socket: Socket | undefined;
  let exchange: Exchange | undefined;
  let onLostAtRest: (() => void) | undefined;
  let failure: Error | undefined;
  let isDetached = false;

  function lose(cause: Error): void {
    const [losing, resting] = [exchange, onLostAtRest];
    exchange = onLostAtRest = undefined;
    socket?.destroy();
    losing?.onLost(cause);
    resting?.();
  }

  function onData(bytes: Buffer): void {
    // Nobody asked: what comes on an idle connection would be taken for the next request's answer.
    if (exchange === undefined) return lose(new Error("the backend sent something that nobody asked for"));
    const mine = exchange;
    try {
      const excess = parser.push(bytes);
      if (excess !== undefined) mine.onExcess(excess);
    } catch (cause) {
      return lose(cause as Error);
    }
    mine.onRead();
  }

  function onEnd(): void {
    const mine = exchange;
    if (mine !== undefined && parser.finish()) mine.onRead();
    lose(new Error("the backend closed the connection"));
  }

  const onread = memory && {
    buffer: memory.next, // also asked for by each attempt to connect
    callback(length: number, buffer: Uint8Array) {
      if (length === buffer.byteLength) memory.grow();
      const bytes = (buffer as Buffer).subarray(0, length);
      if (isDetached) return socket!.push(Buffer.from(bytes)); // its owner reads it like every other
      onData(bytes);
      return true;
    },
  };
  const onDrain = () => exchange?.onDrain();
  const onError = (error: Error) => lose(failure = error);
  function onClose(): void {
    memory?.end();
    lose(failure ?? new Error("the connection was closed"));
  }

  const connection: Connection = {
    get socket() {
      return socket;
    },
    alarm: {
      at: Number.POSITIVE_INFINITY,
      ring() {
        if (exchange !== undefined) exchange.onAlarm();
        else lose(new Error("idle for too long"));
      },
    },
    memory,
    onread,
    carried: false,
    openedAt: performance.now(),
    use(next) {
      exchange = next;
      onLostAtRest = undefined;
      parser.begin(next);
    },
    rest(onLost) {
      exchange = undefined;
      onLostAtRest = onLost;
    },
    open(opened) {
      socket = opened;
      opened.on("data", onData).on("end", onEnd).on("drain", onDrain).on("error", onError).on("close", onClose);
      exchange?.onOpen(connection);
    },
    lose,
    destroy() {
      exchange = onLostAtRest = undefined;
      stopDialing();
      socket?.destroy();
    },
    detach() {
      exchange = undefined;
      isDetached = true;
      socket?.pause(); // or what comes before its new owner listens is lost
      socket?.off("data", onData).off("end", onEnd).off("drain", onDrain).off("error", onError).off("close", onClose);
      return socket;
    },
  };
  return connection;
}
