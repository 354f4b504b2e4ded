import { Buffer } from "node:buffer";

/** A request's body on its way from the client's socket to whoever reads it. */
export interface Inbox {
  push(bytes: Buffer): void;
  end(trailers: readonly string[]): void;
  /** The rest does not come. */
  fail(cause: Error): void;
  /** Nobody reads it, or reads on: what comes is thrown away. */
  discard(): void;
  /** Whether anything has come. */
  hasBegun(): boolean;
  /** Resolves when nothing more will come. */
  ended(): Promise<void>;
  /** All of it, if it is there and nothing was read. */
  whole(): Uint8Array | undefined;
  /** The same stream every time. */
  stream(): ReadableStream<Uint8Array>;
  /** The fields after the last chunk: name, value, name, value. */
  trailers(): readonly string[];
}

/** What waits to be read; beyond this the client is held back. */
const waitingBytes = 64 * 1024;

const none: readonly string[] = [];

/**
 * @param hold stops or goes on reading from the socket
 * @param ask is called when somebody reads the stream: a client may wait to be asked for its body
 */
export function createInbox(hold: (held: boolean) => void, ask: () => void): Inbox {
  let chunks: Buffer[] = [];
  let bytes = 0; // in chunks
  let ending: "end" | Error | undefined;
  let trailers = none;
  let hasBegun = false;
  let unwanted = false;
  let isAwaited = false; // all of it is to be there at once
  let made: ReadableStream<Uint8Array> | undefined;
  let wake: (() => void) | undefined;

  function come(): void {
    const woken = wake;
    wake = undefined;
    woken?.();
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    ask();
    if (chunks.length === 0 && ending === undefined) await new Promise<void>((resolve) => (wake = resolve));
    if (chunks.length > 0) {
      controller.enqueue(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)); // there may be thousands of one byte
      chunks = [];
      bytes = 0;
      hold(false);
    } else if (ending === "end") controller.close();
    else if (ending !== undefined) controller.error(ending);
  }

  function discard(): void {
    if (ending === "end" || unwanted) return;
    unwanted = true;
    chunks = [];
    bytes = 0;
    ending = new Error("nobody wants the rest");
    come();
    hold(false);
  }

  return {
    push(chunk) {
      hasBegun = true;
      if (unwanted) return;
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= waitingBytes && !isAwaited) hold(true);
      come();
    },
    end(received) {
      trailers = received;
      ending ??= "end";
      hold(false); // to hear when the client leaves
      come();
    },
    fail(cause) {
      ending ??= cause;
      come();
    },
    discard,
    hasBegun: () => hasBegun || ending === "end",
    ended() {
      ask();
      isAwaited = true;
      hold(false);
      return new Promise((resolve) => {
        const look = () => void (ending === undefined ? (wake = look) : resolve());
        look();
      });
    },
    whole() {
      if (ending !== "end" || made !== undefined) return undefined;
      return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    },
    stream: () => (made ??= new ReadableStream({ pull, cancel: discard }, { highWaterMark: 0 })),
    trailers: () => trailers,
  };
}
