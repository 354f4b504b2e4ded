import type { Http2Server, Http2ServerResponse } from "node:http2";

const waiting = new WeakSet<Http2ServerResponse>();

/**
 * Lets the app decide before a client that expects 100-continue is asked for its body (RFC 9110 §10.1.1): by itself the server asks at once,
 * also for what is refused.
 */
export function awaitDecisions(server: Http2Server): void {
  server.on("checkContinue", (incoming, outgoing) => {
    waiting.add(outgoing);
    server.emit("request", incoming, outgoing);
  });
}

/** Asks a client for its body, if it waits to be asked. */
export function askForBody(outgoing: Http2ServerResponse): void {
  if (waiting.delete(outgoing)) outgoing.writeContinue();
}
