import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import type { Arrival, Client } from "../../core/ports.ts";
import { undiciTransport } from "../../transports/undici.ts";
import { traits } from "../traits.ts";
import { common, onSignal, plainAddress, type RuntimePorts } from "./common.ts";
import type { Door } from "./door.ts";
import { writeResponse } from "./node-response.ts";
import { tcpConnect } from "./tcp.ts";

export { lookup } from "./environment.ts";

/** What Node brings. */
export function createPorts(): RuntimePorts {
  return { ...common, traits: traits.node, transport: undiciTransport(), connect: tcpConnect, client };
}

/** What Hono's adapter hands over beside a request. */
interface Env {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

function client({ req, env }: Arrival): Client {
  const { incoming, outgoing } = (env ?? {}) as Partial<Env>;
  if (incoming === undefined || outgoing === undefined) {
    return { address: undefined, port: undefined, onLeave: onSignal(req.raw) };
  }
  return {
    address: plainAddress(incoming.socket.remoteAddress),
    port: incoming.socket.localPort,
    onLeave(listener) {
      if (outgoing.closed) listener();
      outgoing.once("close", listener);
      return () => outgoing.off("close", listener);
    },
  };
}

/** Listens with Node's own server, through Hono's adapter. */
export async function listen(balancer: LoadBalancer, { listen: { port, hostname }, limits }: Config): Promise<Door> {
  const server = createAdaptorServer({
    async fetch(request, env) {
      await writeResponse(await balancer.fetch(request, env), (env as Env).outgoing);
      return RESPONSE_ALREADY_SENT;
    },
    overrideGlobalObjects: false,
    hostname: "localhost", // stands in where an HTTP/1.0 request brings no Host
    serverOptions: {
      maxHeaderSize: limits.headBytes,
      headersTimeout: limits.headTimeout,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: limits.idleTimeout,
      requestTimeout: 0, // an upload may take as long as it needs
    },
  }) as Server;
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
