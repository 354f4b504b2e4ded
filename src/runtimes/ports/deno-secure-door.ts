import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { heldSocket } from "../../transports/held-socket.ts";
import { serveCertificates } from "../served-certificates.ts";
import { common } from "./common.ts";
import { denoHandler } from "./deno-handler.ts";
import { type DenoHandler, serveOnDeno } from "./deno-server.ts";
import type { Door } from "./door.ts";
import { http1Server } from "./plain-door.ts";

/** A client's connection, on its way to Deno's own server. */
interface Carried {
  readonly address: string | undefined;
  /** Requests in flight. */
  uses: number;
  timer: ReturnType<typeof setTimeout>;
  readonly socket: TLSSocket;
}

/**
 * Listens with TLS, for HTTP/2 and HTTP/1.1 by ALPN.
 *
 * Deno's own server has room for one certificate and keeps it, and that of node:http2 ends the process when certain clients leave
 * (denoland/deno#36788). So node:tls takes the connections, and what HTTP/2 says goes to Deno's server through the loopback address.
 */
export async function openSecureOnDeno(
  { port, hostname }: ListenerConfig,
  tls: NonNullable<ListenerConfig["tls"]>,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
): Promise<Door> {
  const { headTimeout, idleTimeout } = limits;
  const handle = denoHandler(fetch);
  const http1 = http1Server(fetch, limits);
  /** By the ports from which they are carried on. */
  const carried = new Map<number, Carried>();
  const sockets = new Set<Socket>();

  const handler: DenoHandler = async (request, info) => {
    const one = carried.get(info.remoteAddr.port ?? 0);
    if (one === undefined) return new Response(null, { status: 403 }); // another process, that goes around the TLS
    if (hasTwoHosts(request)) return new Response("400 Host is not :authority.\n", { status: 400 });
    one.uses++;
    clearTimeout(one.timer);
    void info.completed?.catch(() => {}).then(() => leave(one));
    const remoteAddr = one.address === undefined ? {} : { hostname: one.address };
    return await handle(request, { remoteAddr }, { port: door.port, secure: true });
  };
  const inner = serveOnDeno({ port: 0, hostname: "127.0.0.1" }, handler);

  function leave(one: Carried): void {
    if (--one.uses === 0) one.timer = setTimeout(() => one.socket.destroy(), idleTimeout);
  }

  function carry(socket: TLSSocket, address: string | undefined): void {
    const onward = connect({ port: inner.port, host: "127.0.0.1", noDelay: true });
    const timer = setTimeout(() => socket.destroy(), idleTimeout);
    const one: Carried = { address, uses: 0, timer, socket };
    onward.once("connect", () => {
      const { localPort } = onward;
      carried.set(localPort!, one);
      onward.once("close", () => carried.delete(localPort!));
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => {}).once("close", () => socket.destroySoon());
    socket.once("close", () => {
      clearTimeout(one.timer);
      onward.destroy();
    });
  }

  const certificates = serveCertificates(tls);
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), headTimeout);
    socket.once("close", () => {
      clearTimeout(timer);
      sockets.delete(socket);
    });
    const { carrier, follow } = heldSocket(socket);
    const secured = new TLSSocket(carrier, {
      isServer: true,
      secureContext: certificates.context(),
      SNICallback: certificates.options.SNICallback,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    follow(secured);
    secured.on("error", () => socket.destroy());
    secured.once("secure", () => {
      clearTimeout(timer);
      if (secured.alpnProtocol !== "h2") return http1.take(secured, socket);
      secured.pause(); // until there is somewhere to carry it
      carry(secured, socket.remoteAddress);
    });
  });
  if (limits.connections !== undefined) server.maxConnections = limits.connections;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, hostname, resolve);
    });
  } catch (error) {
    inner.cut();
    throw error;
  }
  const closing = new AbortController();
  void certificates.follow(common.log, common.clock, () => {}, closing.signal);

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const door: Door = {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      server.close();
      await Promise.all([http1.close(), inner.close()]);
      cut(); // what is left has asked for nothing
    },
    cut() {
      http1.cut();
      inner.cut();
      cut();
    },
  };
  return door;
}

/** Whether a request of HTTP/2 names another host beside :authority, which stands in the URL: then it is malformed (RFC 9113 §8.3.1). */
function hasTwoHosts({ url, headers }: Request): boolean {
  const host = headers.get("host");
  if (host === null || url.startsWith(host, url.indexOf("//") + 2)) return false;
  return !URL.canParse(`http://${host}`) ||
    new URL(`http://${host}`).host !== new URL(url.replace(/^https:/, "http:")).host;
}
