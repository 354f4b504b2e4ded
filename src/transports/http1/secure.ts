import type { Socket } from "node:net";
import { connect } from "node:tls";
import type { Address } from "../../core/address.ts";
import type { Peer } from "../../core/ports.ts";
import { heldSocket } from "../held-socket.ts";
import { tlsOptions } from "../tls.ts";

/**
 * Puts TLS on a connection where the address asks for it.
 *
 * @param done is called once
 * @returns how to give up; `done` is not called any more
 */
export function secure(
  address: Address,
  tls: Peer["tls"],
  socket: Socket,
  done: (error: Error | undefined, socket?: Socket) => void,
): () => void {
  if (!address.secure) {
    done(undefined, socket);
    return () => {};
  }
  const held = "Deno" in globalThis ? heldSocket(socket) : undefined;
  const secured = connect({ ...tlsOptions(address, tls, ["http/1.1"]), socket: held?.carrier ?? socket });
  held?.follow(secured);
  const failed = (error: Error) => done(error);
  const closed = () => done(new Error("the connection was closed during the TLS handshake"));
  secured.once("error", failed).once("close", closed).once("secureConnect", () => {
    secured.off("error", failed).off("close", closed);
    done(undefined, secured);
  });
  return () => {
    secured.off("error", failed).off("close", closed).on("error", () => {});
    secured.destroy();
  };
}
