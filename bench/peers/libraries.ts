import { join } from "node:path";
import { bench } from "../install.ts";
import { root } from "../processes.ts";
import type { Peer } from "./peer.ts";
import { settings } from "./settings.ts";
import { packageFolder, packageVersion, versionIn, versionOf } from "./versions.ts";

/** Proxies made with libraries from npm: a program of a few lines each. */
export const libraries: readonly Peer[] = [
  library({
    name: "reply-from",
    title: "@fastify/reply-from",
    of: "@fastify/reply-from",
    webSocket: false,
  }),
  library({
    name: "http-proxy-3",
    title: "http-proxy-3",
    of: "http-proxy-3",
    webSocket: true,
  }),
  library({ name: "httpxy", title: "httpxy", of: "httpxy", webSocket: true }),
  library({
    name: "hono-fetch",
    title: "Hono + fetch on Node",
    of: "hono",
    file: "hono-fetch-node.ts",
  }),
  library({
    name: "hono-fetch-bun",
    title: "Hono + fetch on Bun",
    of: "hono",
    run: ["bun"],
  }),
  library({
    name: "hono-fetch-deno",
    title: "Hono + fetch on Deno",
    of: "hono",
    run: ["deno", "run", "-A"],
  }),
  library({ name: "hono-proxy", title: "hono/proxy on Node", of: "hono" }),
];

interface Library {
  readonly name: string;
  readonly title: string;
  /** The package whose version counts. */
  readonly of: string;
  /** What runs the program; Node, if absent. */
  readonly run?: readonly string[];
  /** The program; called after the peer, if absent. */
  readonly file?: string;
  readonly webSocket?: boolean;
}

function library(
  { name, title, of, run = ["node"], file = `${name}.ts`, webSocket = false }: Library,
): Peer {
  return {
    name,
    title,
    isOurs: false,
    async version() {
      const version = packageVersion(packageFolder(of, [bench, root]));
      const [runtime = ""] = run;
      return `${of} ${version}, ${runtime} ${versionIn(await versionOf([runtime, "--version"]))}`;
    },
    lacks: (
      plan,
    ) => (plan.webSocket && !webSocket ? "it passes no WebSockets on" : undefined),
    start: (plan) => ({
      command: [...run, join(import.meta.dirname, "programs", file)],
      env: settings(plan),
    }),
  };
}
