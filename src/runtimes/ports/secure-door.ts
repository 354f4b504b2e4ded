import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { serveCertificates } from "../served-certificates.ts";
import { common } from "./common.ts";
import type { Door } from "./door.ts";
import { awaitDecisions } from "./node-continue.ts";
import { nodeListener } from "./node-listener.ts";
import { serveUpgrades } from "./node-upgrade.ts";
import { watchConnections } from "./secure-connections.ts";

/** Streams of one connection at once. */
const maxStreams = 128;

/**
 * Listens with TLS, for HTTP/2 and HTTP/1.1 by ALPN.
 *
 * By node:http2 on Bun too, whose own server cannot change a certificate.
 */
export async function openSecure(
  { port, hostname }: ListenerConfig,
  tls: NonNullable<ListenerConfig["tls"]>,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
): Promise<Door> {
  const certificates = serveCertificates(tls);
  const server = createSecureServer({
    ...http1Options(limits),
    ...certificates.options,
    handshakeTimeout: limits.headTimeout,
    noDelay: true,
    allowHTTP1: true,
    maxHeaderListPairs: 1000, // more than fit into a head
    settings: { maxConcurrentStreams: maxStreams, maxHeaderListSize: limits.headBytes },
  });
  if (limits.connections !== undefined) server.maxConnections = limits.connections;
  const connections = watchConnections(server, limits);
  const listener = nodeListener(fetch);
  // The two kinds of requests have what is used of them in common.
  server.on("request", listener as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void);
  serveUpgrades(server, listener);
  awaitDecisions(server as unknown as Parameters<typeof awaitDecisions>[0]);
  if ("Bun" in globalThis) server.on("request", holdBack);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const closing = new AbortController();
  void certificates.follow(common.log, common.clock, (pair) => server.setSecureContext(pair), closing.signal);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      server.close();
      await connections.close();
    },
    cut: connections.cut,
  };
}

/** Lets a connection be read only while the body that comes on it is: Bun would read on into memory. */
function holdBack(request: Http2ServerRequest): void {
  if (request.httpVersionMajor !== 1) return;
  const { socket } = request;
  request.on("pause", () => socket.pause()).on("resume", () => socket.resume()).once("close", () => socket.resume());
}

/** What HTTP/1.1 is held to, with TLS and without. */
export function http1Options(limits: Config["limits"]) {
  return {
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headTimeout,
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: limits.idleTimeout,
    requestTimeout: 0, // an upload may take as long as it needs
  };
}
