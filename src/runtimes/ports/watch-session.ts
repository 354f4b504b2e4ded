import type { ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";

/** How often a client is asked whether it is there, while it waits for something, and how often it may say nothing at all. */
const pingMs = 10_000;
const mostSilences = 6;

/**
 * Ends a session of HTTP/2 on which no request comes, and one whose client is gone without a word.
 *
 * Node may miss a reset that comes while frames wait to be written, and then its streams would be waited for until they end by themselves.
 *
 * @param idleMs for how long there may be no stream
 */
export function watchSession(session: ServerHttp2Session, socket: TLSSocket, idleMs: number): void {
  let streams = 0;
  let silences = 0;
  let heardBytes = 0;
  let asked = false;

  const endIdle = () => session.close();
  let idle = setTimeout(endIdle, idleMs);
  let pings: ReturnType<typeof setInterval> | undefined;

  function askOrEnd(): void {
    const { bytesRead } = socket;
    // Bun counts none, and answers to PINGs alone say too little: they come behind a slow download. It misses no reset.
    if (bytesRead === 0) return;
    silences = bytesRead === heardBytes ? silences + 1 : 0;
    heardBytes = bytesRead;
    if (silences === mostSilences) {
      session.destroy();
      socket.destroy(); // which a session that cannot write leaves open
    } else if (!asked) {
      asked = true;
      session.ping(() => (asked = false));
    }
  }

  session.on("stream", (stream) => {
    if (streams++ === 0) {
      clearTimeout(idle);
      silences = 0;
      heardBytes = socket.bytesRead;
      pings = setInterval(askOrEnd, pingMs).unref(); // it is the connection that keeps a process alive
    }
    stream.once("close", () => {
      if (--streams > 0) return;
      clearInterval(pings);
      if (!session.closed) idle = setTimeout(endIdle, idleMs);
    });
  });
  session.once("close", () => {
    clearTimeout(idle);
    clearInterval(pings);
  });
}
