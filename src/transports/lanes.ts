import { isIP } from "node:net";
import { buildConnector, Client } from "undici";
import type { Address } from "../core/address.ts";

/** One connection to a backend, used by one request at a time. */
export interface Lane {
  readonly client: Client;
  /** Whether its present connection has carried an answer: its backend may be closing it. */
  isReused(): boolean;
  /** What broke its present connection; undici takes a reset for the end of a body that ends with its connection. */
  failure(): Error | undefined;
  /** Ends a use: the connection is kept for the next request, or not. */
  leave(keep: boolean): void;
}

/** Gives a connection to an address: the last one that was left, else or if it has to be `fresh` a new one. */
export type TakeLane = (address: Address, fresh: boolean) => Lane;

const connector = buildConnector({ timeout: 0, allowH2: false });

/** Connections by backend, the last used first. undici's Pool would search all of its clients for each request. */
export function createLanes(): TakeLane {
  const idle = new Map<string, Lane[]>();
  return (address, fresh) => {
    let home = idle.get(address.origin);
    if (home === undefined) idle.set(address.origin, home = []);
    return (fresh ? undefined : home.pop()) ?? openLane(address, home);
  };
}

function openLane(address: Address, home: Lane[]): Lane {
  let carried = 0;
  let failure: Error | undefined;
  const servername = isIP(address.hostname) === 0 ? address.hostname : undefined;
  const client = new Client(address.origin, {
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0, // the deadlines are held by the exchange, where they begin when the request is sent
    maxHeaderSize: 64 * 1024,
    connect(options, callback) {
      carried = 0;
      failure = undefined;
      // The name to be shown is the backend's own: undici would take it from the Host field.
      connector(servername === undefined ? options : { ...options, servername }, (...connected) => {
        connected[1]?.once("error", (error) => (failure = error));
        callback(...connected);
      });
    },
  });
  const lane: Lane = {
    client,
    isReused: () => carried > 0,
    failure: () => failure,
    leave(keep) {
      carried++;
      if (keep && !client.destroyed) home.push(lane);
      else client.destroy().catch(() => {});
    },
  };
  // An idle connection that ends is forgotten together with its client.
  client.on("disconnect", () => {
    const place = home.indexOf(lane);
    if (place < 0) return;
    home.splice(place, 1);
    client.destroy().catch(() => {});
  });
  return lane;
}
