import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { shortAnswer } from "../backends/nginx.ts";
import { bench } from "../install.ts";
import type { Peer } from "./peer.ts";
import { settings } from "./settings.ts";
import { packageFolder, packageVersion, versionIn, versionOf } from "./versions.ts";

/** The least that each runtime can do: a server that answers by itself, and on Node a server and the leanest client it has. */
export const floors: readonly Peer[] = [
  floor({ name: "hello-node", title: "node:http alone", run: ["node"] }),
  {
    ...floor({
      name: "bare-node",
      title: "node:http + undici's dispatch alone",
      run: ["node"],
    }),
    version: async () => `undici ${packageVersion(packageFolder("undici", [bench]))}, node ${await runtime("node")}`,
  },
  floor({ name: "hello-bun", title: "Bun.serve alone", run: ["bun"] }),
  floor({
    name: "hello-deno",
    title: "Deno.serve alone",
    run: ["deno", "run", "-A"],
  }),
  {
    ...floor({
      name: "hello-workerd",
      title: "a Worker alone",
      run: ["workerd"],
    }),
    start(plan) {
      const file = join(plan.folder, "workerd.capnp");
      writeFileSync(file, worker(plan.port));
      return { command: ["workerd", "serve", file] };
    },
  },
];

const runtime = async (name: string) => versionIn(await versionOf([name, "--version"]));

function floor(
  { name, title, run }: {
    name: string;
    title: string;
    run: readonly [string, ...string[]];
  },
): Peer {
  return {
    name,
    title,
    isOurs: false,
    isOnlyWhereNamed: true,
    version: async () => `${run[0]} ${await runtime(run[0])}`,
    lacks: () => undefined,
    start: (plan) => ({
      command: [...run, join(import.meta.dirname, "programs", `${name}.ts`)],
      env: settings(plan),
    }),
  };
}

const hello =
  `const body = new Uint8Array(${shortAnswer}).fill(65); export default { fetch: () => new Response(body) };`;

const worker = (port: number) =>
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "hello", worker = (
    modules = [(name = "worker.js", esModule = ${JSON.stringify(hello)})],
    compatibilityDate = "2026-11-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "hello")]
);
`;
