/** Who takes a body's chunks. */
export interface Sink {
  /** Gives back whether more can be taken at once; else `resume` says when. @param release may be called when the bytes are not needed any more */
  data(bytes: Uint8Array, release?: () => void): boolean;
  end(trailers: readonly string[]): void;
  fail(error: Error): void;
}

/** A body on its way: nothing is told before `start`, and what is not taken stays in the backend's socket. */
export interface Flow {
  start(sink: Sink): void;
  resume(): void;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** The socket's side of a flow. */
export interface Source {
  data(bytes: Uint8Array, release?: () => void): void;
  end(trailers: readonly string[]): void;
  fail(error: Error): void;
}

/** Chunks that wait for a sink; beyond this the socket is held back. */
const waitingBytes = 64 * 1024;

/**
 * Joins a socket to whoever takes what it brings.
 *
 * @param hold stops or goes on reading from the socket
 */
export function createFlow(hold: (held: boolean) => void, cancel: () => void): Flow & Source {
  let waiting: (readonly [bytes: Uint8Array, release: (() => void) | undefined])[] = [];
  let bytesWaiting = 0;
  let sink: Sink | undefined;
  let open = true; // whether the sink takes more
  let ending: ((sink: Sink) => void) | undefined;

  function flush(): void {
    if (sink === undefined) return;
    let taken = 0;
    while (open && taken < waiting.length) open = sink.data(...waiting[taken++]!);
    waiting = taken === waiting.length ? [] : waiting.slice(taken);
    if (waiting.length > 0) return;
    bytesWaiting = 0;
    if (ending === undefined) return hold(!open);
    const tell = ending;
    ending = undefined; // once: whoever takes bytes may go on asking for more
    tell(sink);
  }

  return {
    start(given) {
      sink = given;
      flush();
    },
    resume() {
      open = true;
      flush();
    },
    cancel() {
      sink = undefined;
      cancel();
    },
    data(bytes, release) {
      if (sink !== undefined && open && waiting.length === 0) {
        open = sink.data(bytes, release);
        if (!open) hold(true);
        return;
      }
      waiting.push([bytes, release]);
      bytesWaiting += bytes.byteLength;
      if (sink !== undefined || bytesWaiting >= waitingBytes) hold(true);
    },
    end(trailers) {
      ending = (sink) => sink.end(trailers);
      flush();
    },
    fail(error) {
      // What came before the break is the client's all the same.
      ending = (sink) => sink.fail(error);
      flush();
    },
  };
}

/** A flow as the stream of a Response: begun when it is first read. @param aheadBytes how much is taken before it is asked for */
export function streamOf(flow: Flow, aheadBytes: number): ReadableStream<Uint8Array> {
  let begun = false;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (begun) return flow.resume();
        begun = true;
        flow.start({
          data(bytes) {
            controller.enqueue(bytes);
            return (controller.desiredSize ?? 0) > -aheadBytes;
          },
          end: () => controller.close(),
          fail: (error) => controller.error(error),
        });
      },
      cancel: () => flow.cancel(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
}
