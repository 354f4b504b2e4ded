import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2ServerResponse, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Config } from "../../core/config.ts";
import { watchSession } from "./watch-session.ts";

/** The connections of one server with TLS: how they end. */
export interface SecureConnections {
  /** Lets end what is in flight, and resolves when that has ended. */
  close(): Promise<void>;
  /** Ends every connection at once. */
  cut(): void;
}

/** A connection that speaks HTTP/1.1. */
interface First {
  /** Requests in flight, and what became of one that was upgraded. */
  uses: number;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Follows the connections of a server for HTTP/2 and HTTP/1.1, and ends those on which no request comes.
 *
 * Not by the server's own means: idle connections of HTTP/1.1 are known to it on Node only, and those of HTTP/2 nowhere.
 */
export function watchConnections(
  server: Http2SecureServer,
  { headTimeout, idleTimeout }: Config["limits"],
): SecureConnections {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const firsts = new Map<Socket, First>();
  let latest: ServerHttp2Session | undefined;
  let inUse = 0;
  let whenIdle: (() => void) | undefined;

  const checkIdle = () => {
    if (sessions.size === 0 && inUse === 0) whenIdle?.();
  };

  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  server.on("session", (session) => {
    sessions.add(session);
    latest = session;
    session.once("close", () => {
      sessions.delete(session);
      checkIdle();
    });
    if (whenIdle !== undefined) session.close();
  });

  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") {
      if (latest !== undefined) watchSession(latest, socket, idleTimeout); // the server has just made it of this socket
      latest = undefined;
      return;
    }
    const first: First = { uses: 0, timer: setTimeout(() => socket.destroy(), headTimeout) };
    firsts.set(socket, first);
    socket.once("close", () => {
      firsts.delete(socket);
      clearTimeout(first.timer);
      inUse -= first.uses;
      first.uses = 0;
      checkIdle();
    });
  });

  function use(socket: Socket): First | undefined {
    const first = firsts.get(socket);
    if (first === undefined) return undefined;
    first.uses++;
    inUse++;
    clearTimeout(first.timer);
    return first;
  }

  server.on("request", ({ socket }, response: Http2ServerResponse | ServerResponse) => {
    const first = use(socket);
    if (first === undefined) return; // of HTTP/2
    if (whenIdle !== undefined) (response as ServerResponse).shouldKeepAlive = false;
    (response as ServerResponse).once("close", () => {
      if (first.uses === 0) return; // the connection has gone before
      first.uses--;
      inUse--;
      if (first.uses > 0) return;
      if (whenIdle !== undefined) socket.destroySoon();
      else first.timer = setTimeout(() => socket.destroy(), idleTimeout);
      checkIdle();
    });
  });

  // In use until it is closed: what becomes of it is the upgrade's affair.
  server.on("upgrade", ({ socket }: IncomingMessage) => void use(socket));

  const cut = () => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  };

  return {
    async close() {
      const idle = new Promise<void>((resolve) => (whenIdle = resolve));
      for (const session of sessions) session.close();
      for (const [socket, { uses }] of firsts) if (uses === 0) socket.destroy();
      checkIdle();
      await idle;
      cut(); // what is left has asked for nothing
    },
    cut,
  };
}
