import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { watchSession } from "./watch-session.ts";

/** The connections of a server that speak HTTP/2. */
export interface Sessions {
  /** Lets the server speak over a connection that stands. */
  take(socket: TLSSocket): void;
  /** Lets end what is in flight, and resolves when that has ended. */
  close(): Promise<void>;
  /** Ends every connection at once. */
  cut(): void;
}

/** Gives a server of node:http2 its connections, and ends those on which no request comes: which are idle, it does not know. */
export function createSessions(server: Http2Server, idleMs: number): Sessions {
  const sessions = new Set<ServerHttp2Session>();
  let latest: ServerHttp2Session | undefined;
  let isClosing = false;
  let whenEmpty = () => {};

  server.on("session", (session) => {
    latest = session;
    sessions.add(session);
    session.once("close", () => {
      sessions.delete(session);
      if (sessions.size === 0) whenEmpty();
    });
    if (isClosing) session.close();
  });

  return {
    take(socket) {
      server.emit("connection", socket); // whereupon the server has made a session of it
      if (latest !== undefined) watchSession(latest, socket, idleMs);
      latest = undefined;
    },
    async close() {
      isClosing = true;
      for (const session of sessions) session.close();
      if (sessions.size > 0) await new Promise<void>((resolve) => (whenEmpty = resolve));
    },
    cut() {
      for (const session of sessions) session.destroy();
    },
  };
}
