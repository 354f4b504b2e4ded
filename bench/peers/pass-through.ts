import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Plan } from "./peer.ts";
import { versionIn, versionOf } from "./versions.ts";

/** The least that a Worker in front of a backend can do: what workerd itself costs. */
export const passThrough: Peer = {
  name: "pass-through",
  title: "workerd, env.B.fetch(request)",
  isOurs: false,
  version: async () => versionIn(await versionOf(["workerd", "--version"])),
  lacks: ({ tls }) => (tls === undefined ? undefined : "as little as ours"),
  start(plan) {
    const file = join(plan.folder, "workerd.capnp");
    writeFileSync(file, config(plan));
    return { command: ["workerd", "serve", file] };
  },
};

const worker = "export default { fetch: (request, env) => env.B.fetch(request) };";

/** A service binding has one address. */
const config = ({ port, backends: [backend = ""] }: Plan) =>
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "backend", external = (address = ${JSON.stringify(new URL(backend).host)}, http = ())),
    (name = "proxy", worker = (
      modules = [(name = "worker.js", esModule = ${JSON.stringify(worker)})],
      compatibilityDate = "2026-11-01",
      bindings = [(name = "B", service = "backend")]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "proxy")]
);
`;
