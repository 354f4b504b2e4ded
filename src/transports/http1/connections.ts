import type { Address } from "../../core/address.ts";
import type { Peer } from "../../core/ports.ts";
import { type Alarms, createAlarms } from "./alarms.ts";
import { type Connection, createConnection, type Exchange } from "./connection.ts";
import { dial } from "./dial.ts";
import type { ReadBuffer } from "./read-buffers.ts";
import { secure } from "./secure.ts";

/** The connections to all backends. */
export interface Connections {
  /** Gives a connection to an exchange: the one that was used last, else or if it has to be `fresh` a new one. */
  take(address: Address, peer: Peer, fresh: boolean, exchange: Exchange): Connection;
  /** Keeps a connection for the next exchange. @param seconds how long the backend says that it keeps it */
  keep(address: Address, peer: Peer, connection: Connection, seconds: number | undefined): void;
  /** Ends a connection. */
  drop(connection: Connection): void;
  /** Takes a connection's socket out. */
  detach(connection: Connection): ReturnType<Connection["detach"]>;
  readonly alarms: Alarms;
}

/** Shorter than what backends commonly keep, 5 s with Node: who closes first cannot be sent a request that nobody reads. */
const idleMs = 4_000;
/** A name may come to mean other addresses, and a container another place. */
const lifetimeMs = 300_000;

/**
 * Connections by backend, the last used first: those that are not needed grow old and end.
 *
 * @param newReadBuffer for each connection without TLS; absent: every read has memory of its own
 */
export function createConnections(
  newReadBuffer?: () => ReadBuffer,
  now: () => number = () => performance.now(),
): Connections {
  const alarms = createAlarms();
  const homes = new WeakMap<Peer, Map<string, Connection[]>>();

  function homeOf({ origin }: Address, peer: Peer): Connection[] {
    let origins = homes.get(peer);
    if (origins === undefined) homes.set(peer, origins = new Map());
    let home = origins.get(origin);
    if (home === undefined) origins.set(origin, home = []);
    return home;
  }

  function drop(connection: Connection): void {
    alarms.remove(connection.alarm);
    connection.destroy();
  }

  function open(address: Address, peer: Peer, exchange: Exchange): Connection {
    let stop = () => {};
    const connection = createConnection(() => stop(), address.secure ? undefined : newReadBuffer?.());
    connection.use(exchange);
    alarms.add(connection.alarm);
    stop = dial(address, (error, socket) => {
      if (error !== undefined) return connection.lose(error);
      stop = secure(address, peer.tls, socket!, (failure, secured) => {
        if (failure !== undefined) connection.lose(failure);
        else connection.open(secured!);
      });
    }, connection);
    return connection;
  }

  return {
    alarms,
    take(address, peer, fresh, exchange) {
      const kept = fresh ? undefined : homeOf(address, peer).pop();
      if (kept === undefined) return open(address, peer, exchange);
      kept.alarm.at = Number.POSITIVE_INFINITY;
      kept.use(exchange);
      exchange.onOpen(kept);
      return kept;
    },
    keep(address, peer, connection, seconds) {
      const ms = Math.min(idleMs, seconds === undefined ? idleMs : seconds * 1000 - 1000);
      if (ms <= 0 || now() - connection.openedAt >= lifetimeMs) return drop(connection);
      const home = homeOf(address, peer);
      connection.carried = true;
      connection.rest(() => {
        home.splice(home.indexOf(connection), 1);
        drop(connection);
      });
      alarms.set(connection.alarm, ms);
      home.push(connection);
    },
    drop,
    detach(connection) {
      alarms.remove(connection.alarm);
      return connection.detach();
    },
  };
}
