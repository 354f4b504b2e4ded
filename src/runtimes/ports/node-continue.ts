import type { IncomingMessage, ServerResponse } from "node:http";

const waiting = new WeakSet<ServerResponse>();

/**
 * Lets the app decide before a client that expects 100-continue is asked for its body (RFC 9110 §10.1.1): by itself the server asks at once,
 * also for what is refused.
 */
export function awaitDecisions(server: {
  on(event: "checkContinue", listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void): unknown;
  emit(event: "request", incoming: IncomingMessage, outgoing: ServerResponse): unknown;
}): void {
  server.on("checkContinue", (incoming, outgoing) => {
    waiting.add(outgoing);
    server.emit("request", incoming, outgoing);
  });
}

/** Asks a client for its body, if it waits to be asked. */
export function askForBody(outgoing: ServerResponse): void {
  if (waiting.delete(outgoing)) outgoing.writeContinue();
}
