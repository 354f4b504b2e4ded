import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginxCommand, nginxMain } from "../backends/nginx.ts";
import type { Peer, Plan } from "./peer.ts";
import { versionIn, versionOf } from "./versions.ts";

/** nginx as its manual says a proxy is set up: connections to the backends kept, one worker for the one core. */
export const nginx: Peer = {
  name: "nginx",
  title: "nginx",
  isOurs: false,
  version: async () => versionIn(await versionOf(["nginx", "-v"])),
  lacks: () => undefined,
  start(plan) {
    const file = join(plan.folder, "nginx.conf");
    writeFileSync(file, config(plan));
    return { command: nginxCommand(plan.folder, file) };
  },
};

function config(
  { port, backends, routes, tls, webSocket, folder }: Plan,
): string {
  const listen = `listen 127.0.0.1:${port}${tls ? " ssl" : ""} backlog=4096;`;
  const pass = "proxy_pass http://backends;";
  const hosts = routes.flatMap((
    { host },
  ) => (host === undefined ? [] : [host]));
  const paths = routes.flatMap((
    { path },
  ) => (path === undefined ? [] : [path]));
  const locations = paths.length > 0 ? paths : ["/"];
  const server = (name: string) =>
    `  server {
    ${listen.replace(name === (hosts[0] ?? "_") ? "" : " backlog=4096", "")}
    server_name ${name};
    ${locations.map((path) => `location ${path} { ${pass} }`).join("\n    ")}
  }`;
  return `${nginxMain(folder)}
  client_max_body_size 1g;
  server_names_hash_max_size 8192;
  server_names_hash_bucket_size 128;
  ${tls ? `ssl_certificate ${tls.cert};\n  ssl_certificate_key ${tls.key};` : ""}
  upstream backends {
    ${backends.map((backend) => `server ${new URL(backend).host};`).join("\n    ")}
    keepalive ${Math.max(256, backends.length)};
    keepalive_requests 1000000000;
  }
  proxy_http_version 1.1;
  proxy_set_header Connection ${webSocket ? "upgrade" : `""`};
  ${webSocket ? "proxy_set_header Upgrade $http_upgrade;" : ""}
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Request-Id $request_id;
${(hosts.length > 0 ? hosts : ["_"]).map(server).join("\n")}
}
`;
}
