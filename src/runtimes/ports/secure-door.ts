import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { serveCertificates } from "../served-certificates.ts";
import { common } from "./common.ts";
import type { Door } from "./door.ts";
import { http1Server } from "./plain-door.ts";
import { awaitDecisions } from "./http2-continue.ts";
import { http2Listener } from "./http2-listener.ts";
import { createSessions } from "./http2-sessions.ts";

/** Streams of one connection at once. */
const maxStreams = 128;

/** Listens with TLS, for HTTP/2 by node:http2 and HTTP/1.1 by our own server, as ALPN says. */
export async function openSecure(
  { port, hostname }: ListenerConfig,
  tls: NonNullable<ListenerConfig["tls"]>,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
): Promise<Door> {
  const certificates = serveCertificates(tls);
  const http2 = createHttp2Server({
    strictSingleValueFields: false, // a backend's doubled field is passed on; node:http2 would throw
    maxHeaderListPairs: 1000, // more than fit into a head
    settings: { maxConcurrentStreams: maxStreams, maxHeaderListSize: limits.headBytes },
  });
  http2.on("request", http2Listener(fetch));
  awaitDecisions(http2);
  const sessions = createSessions(http2, limits.idleTimeout);
  const http1 = http1Server(fetch, limits);
  const sockets = new Set<Socket>();
  const server = createServer({
    ...certificates.options,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.headTimeout,
    noDelay: true,
  });
  if (limits.connections !== undefined) server.maxConnections = limits.connections;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (_, socket) => socket.destroy()); // also where none comes in time
  server.on("secureConnection", (socket) => {
    if (socket.alpnProtocol === "h2") sessions.take(socket);
    else http1.take(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const closing = new AbortController();
  void certificates.follow(common.log, common.clock, (pair) => server.setSecureContext(pair), closing.signal);

  const cut = () => {
    http1.cut();
    sessions.cut();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      server.close();
      await Promise.all([http1.close(), sessions.close()]);
      cut(); // what is left has asked for nothing
    },
    cut,
  };
}
