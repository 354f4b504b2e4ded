import { lookup } from "node:dns";
import { connect, isIP, type Socket } from "node:net";
import type { Place } from "../../core/address.ts";

/** Finds all addresses of a name, as node:dns does. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  found: (error: Error | null, addresses: readonly { readonly address: string }[]) => void,
) => void;

/** How long one of several addresses is waited for before the next is tried, as in Node's own connect. */
const attemptMs = 250;

/**
 * Connects to an address: its name is looked up anew, and all that it means is tried in turn.
 *
 * @param done is called once, with a standing connection or with the last failure
 * @returns how to give up; `done` is not called any more
 */
export function dial(
  { hostname, port, socketPath }: Place,
  done: (error: Error | undefined, socket?: Socket) => void,
  find: Lookup = lookup,
): () => void {
  let current: Socket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;

  function finish(error: Error | undefined, socket?: Socket): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    done(error, socket);
  }

  function attempt(options: { path: string } | { host: string; port: number }, next: (error: Error) => void): Socket {
    const socket = connect({ ...options, noDelay: true });
    const failed = (error: Error) => socket === current && next(error);
    current = socket;
    socket.once("error", failed);
    socket.once("connect", () => {
      if (over || socket !== current) return void socket.destroy();
      socket.off("error", failed);
      finish(undefined, socket);
    });
    return socket;
  }

  function tryInTurn([first, ...others]: readonly string[]): void {
    const next = (error: Error) => {
      clearTimeout(timer);
      if (over) return;
      if (others.length === 0) return finish(error);
      tryInTurn(others);
    };
    const socket = attempt({ host: first!, port }, next);
    if (others.length === 0) return;
    timer = setTimeout(() => {
      current = undefined;
      socket.on("error", () => {}).destroy();
      tryInTurn(others);
    }, attemptMs);
  }

  if (socketPath !== undefined) attempt({ path: socketPath }, finish);
  else if (isIP(hostname) !== 0) tryInTurn([hostname]);
  else {
    find(hostname, { all: true }, (error, found) => {
      if (over) return;
      if (error !== null) return finish(error);
      tryInTurn(found.map(({ address }) => address));
    });
  }
  return () => {
    over = true;
    clearTimeout(timer);
    current?.on("error", () => {}).destroy();
  };
}
