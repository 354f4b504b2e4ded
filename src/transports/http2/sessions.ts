import { type ClientHttp2Session, connect as speakHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect as secure } from "node:tls";
import type { Address } from "../../core/address.ts";
import { ProxyError } from "../../core/errors.ts";
import type { Peer } from "../../core/ports.ts";
import { dial } from "../http1/dial.ts";
import { tlsOptions } from "../tls.ts";

/** A connection to a backend for many exchanges at once. */
export interface Session {
  readonly http2: ClientHttp2Session;
  /** Whether it has carried an answer: its backend may be closing it. */
  carried: boolean;
  /** Ends an exchange's use. @param suspect nothing came, perhaps because nobody is there any more: for nobody else */
  leave(suspect: boolean): void;
}

/** Who waits for a session; exactly one of the two is called. */
export interface Taker {
  onOpen(session: Session): void;
  onLost(cause: Error): void;
}

/**
 * Gives a session to an exchange; gives back how to wait for it no longer.
 *
 * @param connectMs after which an attempt to connect is given up, for all that wait for it
 */
export type TakeSession = (
  address: Address,
  peer: Peer,
  need: { readonly fresh: boolean; readonly connectMs: number },
  taker: Taker,
) => () => void;

/** A name may come to mean other addresses, and a container another place. */
const lifetimeMs = 300_000;
const idleMs = 60_000;

/** Bytes that a backend may send ahead of what clients take, of one answer and of all on one connection. */
const streamWindow = 256 * 1024;
const connectionWindow = 16 * 1024 * 1024;

const settings = { enablePush: false, initialWindowSize: streamWindow, maxHeaderListSize: 64 * 1024 };

/** The connections to one backend. */
interface Home {
  /** Those that take further exchanges. */
  readonly open: Held[];
  /** Who waits for the one that is being opened. */
  waiting: Set<Taker> | undefined;
}

interface Held extends Session {
  hasRoom(): boolean;
  enter(): void;
  /** Ends it after a while if nobody uses it. */
  rest(): void;
}

/** Connections by backend: a further one is opened when those that stand have no room. */
export function createSessions(): TakeSession {
  const homes = new WeakMap<Peer, Map<string, Home>>();

  function homeOf({ origin }: Address, peer: Peer): Home {
    let origins = homes.get(peer);
    if (origins === undefined) homes.set(peer, origins = new Map());
    let home = origins.get(origin);
    if (home === undefined) origins.set(origin, home = { open: [], waiting: undefined });
    return home;
  }

  const take: TakeSession = (address, peer, need, taker) => {
    if (need.fresh) {
      const onOpen = (http2: ClientHttp2Session) => give(hold(http2, undefined), taker);
      return open(address, peer, need.connectMs, { onOpen, onLost: taker.onLost });
    }
    const home = homeOf(address, peer);
    const standing = home.open.find((held) => held.hasRoom());
    if (standing !== undefined) {
      give(standing, taker);
      return () => {};
    }
    const waiting = home.waiting ?? openFor(home, address, peer, need.connectMs);
    waiting.add(taker);
    // By then it may wait for another one than at first.
    return () => void (waiting.delete(taker) || home.waiting?.delete(taker));
  };

  /** Opens one more for all who wait; who finds no room on it waits for the next. */
  function openFor(home: Home, address: Address, peer: Peer, connectMs: number): Set<Taker> {
    const waiting = home.waiting = new Set<Taker>();
    open(address, peer, connectMs, {
      onOpen(http2) {
        home.waiting = undefined;
        const held = hold(http2, home);
        for (const taker of waiting) {
          waiting.delete(taker);
          if (held.hasRoom()) give(held, taker);
          else take(address, peer, { fresh: false, connectMs }, taker);
        }
        held.rest();
      },
      onLost(cause) {
        home.waiting = undefined;
        for (const taker of waiting) taker.onLost(cause);
      },
    });
    return waiting;
  }

  return take;
}

function give(held: Held, taker: Taker): void {
  held.enter();
  taker.onOpen(held);
}

/** Looks after a session that stands; `undefined` as its home: it is for one exchange. */
function hold(http2: ClientHttp2Session, home: Home | undefined): Held {
  let uses = 0;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const retire = () => {
    const place = home?.open.indexOf(held) ?? -1;
    if (place >= 0) home!.open.splice(place, 1);
    clearTimeout(idle);
    clearTimeout(age);
    if (uses === 0 && !http2.destroyed) http2.close();
  };
  const age = setTimeout(retire, lifetimeMs);
  const isOurs = () => home?.open.includes(held) ?? false;
  const held: Held = {
    http2,
    carried: false,
    hasRoom: () => uses < (http2.remoteSettings?.maxConcurrentStreams ?? 100) && !http2.closed && !http2.destroyed,
    enter() {
      uses++;
      clearTimeout(idle);
    },
    leave(suspect) {
      uses--;
      if (suspect || !isOurs()) return retire();
      held.rest();
    },
    rest() {
      clearTimeout(idle);
      if (uses === 0) idle = setTimeout(retire, idleMs).unref();
    },
  };
  age.unref();
  home?.open.push(held);
  http2.on("goaway", retire).on("close", retire).on("error", retire);
  return held;
}

/** Connects, and waits until the backend has said what it takes. */
function open(
  address: Address,
  peer: Peer,
  connectMs: number,
  { onOpen, onLost }: { onOpen(http2: ClientHttp2Session): void; onLost(cause: Error): void },
): () => void {
  let over = false;
  const timer = setTimeout(() => {
    stop();
    fail(new ProxyError("connection_timeout"));
  }, connectMs);
  let stop = dial(address, (error, socket) => {
    if (error !== undefined) return fail(error);
    const secured = address.secure ? secure({ ...tlsOptions(address, peer.tls, ["h2"]), socket: socket! }) : socket!;
    greet(secured);
  });

  function fail(error: Error): void {
    if (over) return;
    finish();
    onLost(error);
  }

  function finish(): void {
    over = true;
    clearTimeout(timer);
  }

  function greet(socket: Socket): void {
    const http2 = speakHttp2(`${address.secure ? "https" : "http"}://${address.host}`, {
      createConnection: () => socket,
      settings,
    });
    stop = () => http2.destroy();
    http2.on("error", fail).once("close", () => fail(new Error("the connection was closed before it stood")));
    http2.once("remoteSettings", () => {
      if (over) return;
      finish();
      // Bun's streams get no further bytes after it.
      if (!("Bun" in globalThis)) http2.setLocalWindowSize(connectionWindow);
      onOpen(http2);
    });
  }

  return () => {
    finish();
    stop();
  };
}
