import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { type Door, type Doors, openDoors } from "./door.ts";
import { awaitDecisions } from "./node-continue.ts";
import { nodeListener } from "./node-listener.ts";
import { serveUpgrades } from "./node-upgrade.ts";
import { http1Options, openSecure } from "./secure-door.ts";

/** Listens with Node's own servers.
 * @throws {ListenError} */
export function listen(balancer: LoadBalancer, config: Config): Promise<Doors> {
  const { limits } = config;
  return openDoors(
    config,
    balancer.fetch,
    (listener, fetch) =>
      listener.tls === undefined ? open(listener, fetch, limits) : openSecure(listener, listener.tls, fetch, limits),
  );
}

async function open(
  { port, hostname }: ListenerConfig,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
): Promise<Door> {
  const listener = nodeListener(fetch);
  const server = createServer(http1Options(limits), listener);
  serveUpgrades(server, listener);
  awaitDecisions(server);
  if (limits.connections !== undefined) server.maxConnections = limits.connections;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.prependListener("request", (_, response) => (response.shouldKeepAlive = false));
      // A connection that never said anything is no request; one that ends its answer now is idle from then on.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      await new Promise((resolve) => server.close(resolve));
      clearInterval(sweep);
    },
    cut: () => server.closeAllConnections(),
  };
}
