import type { Transport } from "../../core/ports.ts";
import { createAlarms } from "../http1/alarms.ts";
import type { Respond } from "../http1/http1.ts";
import { exchange } from "./exchange.ts";
import { createSessions } from "./sessions.ts";

/**
 * An HTTP/2 client, for Node, Bun and Deno: many requests share a connection, and none is sent twice unless the backend says that it
 * has not looked at it.
 */
export function http2Transport(respond: Respond): Transport {
  const take = createSessions();
  const alarms = createAlarms();
  return (incoming, outgoing) =>
    new Promise((resolve, reject) =>
      exchange(take, alarms, incoming, outgoing, {
        onAnswer: (answer) => resolve(respond(answer, incoming)),
        onFailure: reject,
      })
    );
}
