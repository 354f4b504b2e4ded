import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** What TLS can be spoken over in the place of a socket. */
export interface HeldSocket {
  readonly carrier: Duplex;
  /** Lets the socket be read only while what comes out of its TLS is taken. */
  follow(secured: TLSSocket): void;
}

/**
 * A socket that can be held back from outside.
 *
 * Deno reads on into memory, whatever its TLS sockets are told: to pause one that carries TLS, its bytes have to come by here.
 */
export function heldSocket(socket: Socket): HeldSocket {
  let held = false;
  const carrier = new Duplex({
    read() {
      if (!held) socket.resume();
    },
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk) => {
    if (!carrier.push(chunk)) socket.pause();
  });
  socket.on("end", () => carrier.push(null));
  socket.on("error", (error) => carrier.destroy(error));
  socket.on("close", () => carrier.destroy());
  const hold = (back: boolean) => {
    held = back;
    if (back) socket.pause();
    else socket.resume();
  };
  return {
    carrier,
    follow: (secured) => void secured.on("pause", () => hold(true)).on("resume", () => hold(false)),
  };
}
