import { readFileSync } from "node:fs";
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { nextBackend, port, tls } from "./settings.ts";

/** What the libraries in the manner of http-proxy have in common. */
interface Proxy {
  web(
    request: IncomingMessage,
    response: ServerResponse,
    options: { target: string },
  ): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Connections to the backends are kept, which these libraries do not do by themselves. */
export const options = {
  agent: new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
  xfwd: true,
};

/** Passes a WebSocket on to a backend: the libraries take its arguments in different orders. */
type Upgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: string,
) => unknown;

export function serveProxy(proxy: Proxy, upgrade: Upgrade): void {
  proxy.on("error", () => {});
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void proxy.web(request, response, { target: nextBackend() });
  const server = tls === undefined ? createServer(handle) : createSecureServer({
    cert: readFileSync(tls.cert),
    key: readFileSync(tls.key),
  }, handle);
  server.on(
    "upgrade",
    (request: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(request, socket, head, nextBackend()),
  );
  server.listen(port, "127.0.0.1");
}
