import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Plan } from "./peer.ts";
import { versionIn, versionOf } from "./versions.ts";

/** Caddy with its defaults, but for round robin. */
export const caddy: Peer = {
  name: "caddy",
  title: "Caddy",
  isOurs: false,
  version: async () => versionIn(await versionOf(["caddy", "version"])),
  lacks: () => undefined,
  start(plan) {
    const file = join(plan.folder, "Caddyfile");
    writeFileSync(file, config(plan));
    return {
      command: ["caddy", "run", "--adapter", "caddyfile", "--config", file],
      env: {
        XDG_DATA_HOME: plan.folder,
        XDG_CONFIG_HOME: plan.folder,
        HOME: plan.folder,
      },
    };
  },
};

const config = ({ port, backends, tls }: Plan) =>
  `{
  admin off
  auto_https off
}
${tls ? "https" : "http"}://:${port} {
  bind 127.0.0.1
  ${tls ? `tls ${tls.cert} ${tls.key}` : ""}
  reverse_proxy ${backends.map((backend) => new URL(backend).host).join(" ")} {
    lb_policy round_robin
  }
}
`;
