import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Plan } from "./peer.ts";
import { versionIn, versionOf } from "./versions.ts";

/** HAProxy with one thread, TCP checks of its backends, and connections to them kept. */
export const haproxy: Peer = {
  name: "haproxy",
  title: "HAProxy",
  isOurs: false,
  version: async () => versionIn(await versionOf(["haproxy", "-v"])),
  lacks: () => undefined,
  start(plan) {
    const file = join(plan.folder, "haproxy.cfg");
    writeFileSync(file, config(plan));
    return { command: ["haproxy", "-db", "-f", file] };
  },
};

const config = ({ port, backends, tls }: Plan) =>
  `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 30s
  timeout tunnel 1h
  option forwardfor
  option redispatch
  retries 1
  http-reuse always
frontend bench
  bind 127.0.0.1:${port}${tls ? ` ssl crt ${tls.both}` : ""}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  unique-id-format %{+X}o\\ %ci%cp%fi%fp%Ts%rt%pid
  unique-id-header X-Request-Id
  default_backend bench
backend bench
  balance roundrobin
  ${backends.map((backend, index) => `server s${index} ${new URL(backend).host} check inter 10s`).join("\n  ")}
`;
