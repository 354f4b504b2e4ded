import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { plainAddress } from "../core/address.ts";
import { createAlarms } from "../transports/http1/alarms.ts";
import { type ConnectionLimits, serveConnection, type ServerConnection } from "./connection.ts";
import type { App, Origin } from "./exchange.ts";

/** A server for HTTP/1.1 and HTTP/1.0 over whatever sockets it is given. */
export interface Http1Server {
  /** Serves a connection that stands. @param carrier what it is carried by, where the socket does not tell whence it comes */
  take(socket: Socket, carrier?: Socket): void;
  /** Ends each connection after the answer that is on its way; resolves when all have ended. */
  close(): Promise<void>;
  cut(): void;
}

export function createHttp1Server(app: App, limits: ConnectionLimits): Http1Server {
  const alarms = createAlarms();
  const connections = new Set<ServerConnection>();
  let isClosing = false;
  let tellEmpty = () => {};
  const empty = new Promise<void>((resolve) => (tellEmpty = resolve));

  return {
    take(socket, carrier = socket) {
      const connection = serveConnection(socket, originOf(socket, carrier), app, limits, alarms);
      connections.add(connection);
      socket.once("close", () => {
        connections.delete(connection);
        if (isClosing && connections.size === 0) tellEmpty();
      });
      if (isClosing) connection.close();
    },
    async close() {
      isClosing = true;
      for (const connection of connections) connection.close();
      if (connections.size > 0) await empty;
    },
    cut() {
      for (const connection of connections) connection.cut();
    },
  };
}

const originOf = (socket: Socket, carrier: Socket): Origin => ({
  address: plainAddress(carrier.remoteAddress),
  port: carrier.localPort,
  secure: (socket as TLSSocket).encrypted === true,
});
