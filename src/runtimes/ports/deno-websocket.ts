import type { ClientSide, Relay } from "../../transports/websocket/relay.ts";
import { letsThrough } from "../../transports/websocket/switched.ts";
import type { Offer } from "../../transports/websocket/web-sockets.ts";

/** The part of a server's WebSocket that is used. Unlike a client's it may be closed with any code. */
interface DenoSocket extends EventTarget {
  binaryType: string;
  readonly bufferedAmount: number;
  send(message: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

declare const Deno: {
  upgradeWebSocket(request: Request, options: { idleTimeout: number }): {
    readonly socket: DenoSocket;
    readonly response: Response;
  };
};

/** Bytes that wait in the runtime: beyond the first the backend is held back, below the second it goes on. */
const highBytes = 1024 * 1024;
const lowBytes = 256 * 1024;
/** How long a client may take to be there once it is answered. */
const openMs = 5_000;
/** Between two looks at what waits, in milliseconds: no event tells. */
const firstLookMs = 1;
const lastLookMs = 50;

/**
 * Accepts the client of a backend that has agreed, if that is the app's answer, with the answer that Deno has to be given.
 *
 * @param request as Deno handed it over
 * @param signal of that request, from its beginning
 */
export function acceptOnDeno(
  answer: Response,
  request: Request,
  signal: AbortSignal,
  { agreed }: Offer,
): Response {
  if (agreed === undefined) return answer;
  // For a client that has left already, Deno would keep the connection for ever.
  if (signal.aborted || !letsThrough(answer, agreed.accept)) {
    agreed.refuse();
    return answer;
  }
  const relay = agreed.relay();
  try {
    // The subprotocol is no option but a field: Deno finds none in a list that has no spaces after its commas.
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    for (const [name, value] of answer.headers) {
      if (name !== "sec-websocket-accept" && name !== "sec-websocket-extensions") response.headers.append(name, value);
    }
    join(socket, relay);
    return response;
  } catch (error) {
    relay.cut();
    throw error;
  }
}

function join(socket: DenoSocket, relay: Relay): void {
  const on = <Event>(name: string, listener: (event: Event) => void) =>
    socket.addEventListener(name, listener as (event: unknown) => void);
  // Of a client that has left before it was answered nothing is told, neither that it is there nor that it is gone.
  const missing = setTimeout(relay.cut, openMs);
  socket.binaryType = "arraybuffer";
  on("open", () => {
    clearTimeout(missing);
    relay.open(clientSide(socket, relay));
  });
  on(
    "message",
    ({ data }: { data: string | ArrayBuffer }) =>
      relay.onMessage(typeof data === "string" ? data : new Uint8Array(data)),
  );
  on("error", () => {}); // followed by its close, with the code 0
  on("close", ({ code, reason }: { code: number; reason: string }) => {
    clearTimeout(missing);
    relay.onClose(code === 0 ? 1006 : code, reason);
  });
}

function clientSide(socket: DenoSocket, relay: Relay): ClientSide {
  let isWaiting = false;
  let isGone = false;
  socket.addEventListener("close", () => (isGone = true));

  function look(ms: number): void {
    setTimeout(() => {
      if (!isGone && socket.bufferedAmount > lowBytes) return look(Math.min(2 * ms, lastLookMs));
      isWaiting = false;
      relay.onDrain();
    }, ms);
  }

  return {
    send(message) {
      socket.send(message);
      if (socket.bufferedAmount <= highBytes) return true;
      if (!isWaiting) look(firstLookMs);
      isWaiting = true;
      return false;
    },
    close: (code, reason) => (code === undefined ? socket.close() : socket.close(code, reason)),
    breakOff: () => socket.close(1011, "the backend broke off"),
  };
}
