import { type ClientSide, maxMessageBytes, type Relay } from "../../transports/websocket/relay.ts";
import { letsThrough } from "../../transports/websocket/switched.ts";
import type { Offer } from "../../transports/websocket/web-sockets.ts";
import type { BunServer } from "./bun-door.ts";

/** The part of Bun's ServerWebSocket that is used. */
export interface BunSocket {
  readonly data: Joint;
  /** 0: not taken, as the connection is gone; -1: kept until there is room. */
  send(message: string | Uint8Array): number;
  ping(bytes: Uint8Array): number;
  pong(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  getBufferedAmount(): number;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What goes with a client's WebSocket. */
export interface Joint {
  readonly relay: Relay;
  /** Something is to be done when everything has been taken. */
  onEmpty?(): void;
}

/** What Bun.serve is given for WebSockets. */
export const bunWebSocket = {
  idleTimeout: 0, // a quiet one is as good as another
  sendPings: false, // what the client hears comes from the backend
  perMessageDeflate: false,
  maxPayloadLength: maxMessageBytes,
  // More than one message never waits: the backend is held back. Nothing may be dropped in silence.
  backpressureLimit: 4 * maxMessageBytes,
  closeOnBackpressureLimit: true,
  open: (socket: BunSocket) => socket.data.relay.open(clientSide(socket)),
  message: ({ data }: BunSocket, message: string | Uint8Array) => data.relay.onMessage(message),
  ping: ({ data }: BunSocket, bytes: Uint8Array) => data.relay.onPing(bytes),
  pong: ({ data }: BunSocket, bytes: Uint8Array) => data.relay.onPong(bytes),
  drain({ data }: BunSocket) {
    data.relay.onDrain();
    data.onEmpty?.();
  },
  close: ({ data }: BunSocket, code: number, reason: string) => data.relay.onClose(code, reason),
};

function clientSide(socket: BunSocket): ClientSide {
  return {
    send: (message) => socket.send(message) !== -1,
    ping: (bytes) => void socket.ping(bytes),
    pong: (bytes) => void socket.pong(bytes),
    hold: (back) => (back ? socket.pause() : socket.resume()),
    close: (code = 1005, reason) => socket.close(code, reason),
    breakOff() {
      const end = () => void (socket.getBufferedAmount() === 0 && socket.terminate());
      socket.data.onEmpty = end;
      end();
    },
  };
}

/**
 * Accepts the client of a backend that has agreed, if that is the app's answer; gives back whether it was.
 *
 * @param request as Bun handed it over
 */
export function acceptOnBun(response: Response, request: Request, server: BunServer, { agreed }: Offer): boolean {
  if (agreed === undefined) return false;
  if (!letsThrough(response, agreed.accept)) {
    agreed.refuse();
    return false;
  }
  const headers = new Headers(response.headers);
  for (const name of ["sec-websocket-accept", "sec-websocket-extensions", "date"]) headers.delete(name);
  // Bun would choose the first subprotocol that was asked for where the backend has chosen none.
  request.headers.delete("sec-websocket-protocol");
  const relay = agreed.relay();
  const data: Joint = { relay };
  if (!server.upgrade(request, { headers, data })) relay.cut();
  return true;
}
