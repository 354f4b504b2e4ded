import { type AddressInfo, createServer } from "node:net";
import type { LoadBalancer } from "../../app/app.ts";
import { problem } from "../../app/problem.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { createHttp1Server, type Http1Server } from "../../server/http1-server.ts";
import { common } from "./common.ts";
import type { Door } from "./door.ts";

/** Our own server for HTTP/1.1, in front of the app. */
export const http1Server = (fetch: LoadBalancer["fetch"], limits: Config["limits"]): Http1Server =>
  createHttp1Server(
    {
      fetch,
      refuse: (error) => problem(error, { requestId: common.newId(), accept: null, retryAfter: 1 }),
    },
    limits,
  );

/** Listens without TLS. */
export async function openPlain(
  { port, hostname }: ListenerConfig,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
): Promise<Door> {
  const http1 = http1Server(fetch, limits);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => http1.take(socket));
  if (limits.connections !== undefined) server.maxConnections = limits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      await http1.close();
    },
    cut: http1.cut,
  };
}
