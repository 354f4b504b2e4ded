import { lookup } from "node:dns";
import { connect, isIP, type NetConnectOpts, type OnReadOpts, type Socket } from "node:net";
import type { Place } from "../../core/address.ts";

/** Finds all addresses of a name, as node:dns does. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  found: (error: Error | null, addresses: readonly { readonly address: string }[]) => void,
) => void;

/** After so long the next of several addresses is tried beside those before it (RFC 8305 §5), as in Node's own connect. */
const attemptMs = 250;

/**
 * Connects to an address: its name is looked up anew, and all that it means is tried, the first that answers wins.
 *
 * @param done is called once, with a standing connection or with the last failure
 * @param onread where what comes is put, instead of into new memory each time
 * @returns how to give up; `done` is not called any more
 */
export function dial(
  { hostname, port, socketPath }: Place,
  done: (error: Error | undefined, socket?: Socket) => void,
  { find = lookup, onread }: { readonly find?: Lookup; readonly onread?: OnReadOpts | undefined } = {},
): () => void {
  const attempts = new Set<Socket>();
  let waiting: NetConnectOpts[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function stop(): void {
    clearTimeout(timer);
    waiting = [];
    for (const socket of attempts) socket.on("error", () => {}).destroy();
    attempts.clear();
  }

  function tryNext(): void {
    clearTimeout(timer);
    const [next, ...others] = waiting;
    if (next === undefined) return;
    waiting = others;
    if (others.length > 0) timer = setTimeout(tryNext, attemptMs);
    const socket = connect(onread === undefined ? { ...next, noDelay: true } : { ...next, noDelay: true, onread });
    attempts.add(socket);
    const failed = (error: Error) => {
      if (!attempts.delete(socket)) return;
      if (waiting.length > 0) tryNext();
      else if (attempts.size === 0) done(error);
    };
    socket.once("error", failed).once("connect", () => {
      if (!attempts.delete(socket)) return;
      socket.off("error", failed);
      stop();
      done(undefined, socket);
    });
  }

  function tryAll(places: NetConnectOpts[]): void {
    waiting = places;
    tryNext();
  }

  let looking = true;
  if (socketPath !== undefined) tryAll([{ path: socketPath }]);
  else if (isIP(hostname) !== 0) tryAll([{ host: hostname, port }]);
  else {
    find(hostname, { all: true }, (error, found) => {
      if (!looking) return;
      if (error !== null) done(error);
      else tryAll(found.map(({ address }) => ({ host: address, port })));
    });
  }
  return () => {
    looking = false;
    stop();
  };
}
