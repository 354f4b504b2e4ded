import type { Socket } from "node:net";

/** Calls `listener` when a socket is closed, also if it has been before anybody listened. */
export function whenClosed(socket: Socket, listener: () => void): void {
  if (socket.closed) queueMicrotask(listener);
  else socket.once("close", listener);
}
