import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../processes.ts";
import type { Peer, Plan, Start } from "./peer.ts";
import { packageVersion, versionIn, versionOf } from "./versions.ts";

/** The balancer as it is built, on each of its runtimes, everything at its default but for the access log. */
export const roundabout: readonly Peer[] = [
  ours("node", "Node", ["node", "dist/cli.js", "serve"]),
  ours("bun", "Bun", ["bun", "dist/cli.js", "serve"]),
  ours("deno", "Deno", ["deno", "run", "-A", "dist/cli.js", "serve"]),
  // Its runner is told apart: on Cloudflare there is none, and while it serves it only waits.
  ours("workerd", "workerd", ["node", "src/cli/workerd.ts"], "workerd"),
];

function ours(
  name: string,
  runtime: string,
  command: readonly string[],
  process?: string,
): Peer {
  return {
    name,
    title: `Roundabout on ${runtime}`,
    isOurs: true,
    async version() {
      const runs = versionIn(await versionOf([name, "--version"]));
      return `roundabout ${packageVersion(root)}, ${name} ${runs}`;
    },
    lacks: (
      { tls },
    ) => (tls !== undefined && name === "workerd" ? "on Workers, TLS ends in front of it" : undefined),
    start(plan): Start {
      const file = join(plan.folder, "roundabout.json");
      writeFileSync(file, JSON.stringify(configOf(plan), null, 2));
      return {
        command: [...command, "-c", file],
        ...(process !== undefined && { process }),
      };
    },
  };
}

function configOf({ port, backends, routes, tls }: Plan) {
  const { cert, key } = tls ?? {};
  return {
    listen: { port, hostname: "127.0.0.1", ...(tls && { tls: { cert, key } }) },
    pools: { bench: { backends } },
    ...(routes.length > 0 &&
      {
        routes: routes.map((route) => ({
          match: matchOf(route),
          pool: "bench",
        })),
      }),
    log: { access: false },
  };
}

const matchOf = ({ host, path }: Plan["routes"][number]) => ({
  ...(host !== undefined && { host }),
  ...(path !== undefined && { path: `${path}*` }),
});
