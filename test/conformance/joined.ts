import type { Field } from "../support/http1.ts";
import { accepting, openOn, type RawWebSocket } from "../support/raw-websocket.ts";
import type { CaseContext, StagePlan } from "./case.ts";

const listen = { port: 0, hostname: "127.0.0.1" };

/** Pools by host: one that waits for nothing for long, and one of two backends, the first of which may be down. */
export const sockets: StagePlan<"main" | "other"> = {
  backends: ["main", "other"],
  config: ({ main, other }, runtime) => ({
    listen,
    pools: {
      web: { backends: [main], healthCheck: false },
      short: {
        backends: [main],
        healthCheck: false,
        timeouts: { response: "400ms", request: "400ms", ...(runtime !== "workers" && { idle: "400ms" }) },
        retry: { attempts: 0 },
      },
      pair: { backends: [other, main], healthCheck: false, policy: { type: "round-robin", start: "first" } },
    },
    routes: [
      { match: { host: "short.test" }, pool: "short" },
      { match: { host: "pair.test" }, pool: "pair" },
      { pool: "web", setResponseHeaders: { "x-route": "web" } },
    ],
  }),
};

/** A client and a backend that are joined. */
export const joined = async (context: CaseContext, more: readonly Field[] = []) => {
  const { backends, connect, balancer } = await context.stage(sockets);
  const { promise, resolve } = Promise.withResolvers<RawWebSocket>();
  backends.main.handle(accepting(resolve, more));
  const connection = await connect();
  const client = await openOn(connection);
  return { client, connection, backend: await promise, arrival: await backends.main.arrival(0), balancer };
};
