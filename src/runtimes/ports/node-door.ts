import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Door } from "./door.ts";
import { nodeListener } from "./node-listener.ts";

/** Listens with Node's own server. */
export async function listen(balancer: LoadBalancer, { listen: { port, hostname }, limits }: Config): Promise<Door> {
  const options = {
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headTimeout,
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: limits.idleTimeout,
    requestTimeout: 0, // an upload may take as long as it needs
  };
  const server = createServer(options, nodeListener(balancer.fetch));
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
