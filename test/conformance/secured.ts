import { localhost } from "../support/certificates.ts";
import type { RunningBalancer } from "./balancer.ts";
import type { StagePlan } from "./case.ts";
import type { RuntimeName } from "./runtimes.ts";

/** Those whose own process has TLS; on Workers it ends before them. */
export const withTls: readonly RuntimeName[] = ["node", "bun", "deno"];

/** A listener with TLS on a free port. */
export const secureListen = { port: 0, hostname: "127.0.0.1", tls: localhost };

/** One backend behind a listener with TLS, and what a route can ask of it. */
export const secured: StagePlan<"main"> = {
  backends: ["main"],
  config: (urls) => ({
    listen: secureListen,
    pools: {
      web: { backends: [urls.main], healthCheck: false },
      preserving: { backends: [urls.main], healthCheck: false, host: "preserve" },
    },
    routes: [{ match: { host: "preserve.test" }, pool: "preserving" }, { pool: "web" }],
  }),
};

/** The ports of all listeners, in the order of the configuration. */
export async function portsOf(balancer: RunningBalancer): Promise<number[]> {
  await balancer.process.waitForLine(
    (line) => line.includes("pool web"),
    "word of the pools, which comes after the listeners",
  );
  return balancer.process.lines()
    .map((line) => /(?:listening on|sending) https?:\/\/[^\s"]*?:(\d+)/.exec(line)?.[1])
    .filter((port) => port !== undefined)
    .map(Number);
}
