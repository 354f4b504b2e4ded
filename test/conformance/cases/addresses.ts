import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noIpv6 } from "../../support/ipv6.ts";
import { exchange } from "../../support/raw-client.ts";
import { launch, ready, temporaryFile } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

/** A backend that listens where it is told to, and tells what it was asked. */
async function backendAt(context: CaseContext, options: ListenOptions): Promise<number> {
  const server = createServer(({ url, headers, method }, response) => response.end(`${method} ${url} ${headers.host}`));
  await new Promise<void>((resolve) => server.listen(options, resolve));
  context.onEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? 0 : address.port;
}

/** Starts a balancer that checks its one backend, and waits until it is known to be up. */
async function startOver(context: CaseContext, url: string, pool: object = {}): Promise<number> {
  const { port } = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends: [url], healthCheck: { path: "/health", interval: "200ms" }, ...pool } },
  });
  await ready(port);
  return port;
}

const ask = async (port: number, target: string) => {
  const { status, body } = await exchange(port, { target });
  return [status, body.toString()];
};

function temporaryFolder(context: CaseContext): string {
  const folder = mkdtempSync(join(tmpdir(), "addresses-"));
  context.onEnd(() => rmSync(folder, { recursive: true }));
  return folder;
}

const found = new Set((await lookup("localhost", { all: true })).map(({ address }) => address));
const oneAddress = found.has("127.0.0.1") && found.has("::1") ? noIpv6 : "localhost has no two addresses here";

export const addressCases: readonly ConformanceCase[] = [
  {
    name: "addresses: a backend at an IPv6 address is checked and reached",
    skip: noIpv6,
    async run(context) {
      const port = await backendAt(context, { host: "::1", port: 0 });
      const balancer = await startOver(context, `http://[::1]:${port}/base`);
      assert.deepEqual(await ask(balancer, "/x?y"), [200, `GET /base/x?y [::1]:${port}`]);
    },
  },
  {
    name: "addresses: a name with an address where nobody listens is reached at its other one",
    skip: oneAddress,
    async run(context) {
      for (const host of ["127.0.0.1", "::1"]) {
        const port = await backendAt(context, { host, port: 0 });
        const balancer = await startOver(context, `http://localhost:${port}`);
        assert.deepEqual(await ask(balancer, "/"), [200, `GET / localhost:${port}`]);
      }
    },
  },
  {
    name: "addresses: a backend at a Unix socket is checked and reached",
    gaps: { workers: "Workers have no Unix sockets: the start is refused" },
    async run(context) {
      const path = join(temporaryFolder(context), "app.sock");
      await backendAt(context, { path });
      for (const [base, expected] of [["", "/x?y"], [":/base", "/base/x?y"], [":/base/", "/base/x?y"]] as const) {
        const balancer = await startOver(context, `unix:${path}${base}`);
        assert.deepEqual(await ask(balancer, "/x?y"), [200, `GET ${expected} localhost`]);
      }
    },
  },
  {
    name: "addresses: a Unix socket where nobody listens is a 502, and is found again",
    gaps: { workers: "Workers have no Unix sockets: the start is refused" },
    async run(context) {
      const path = join(temporaryFolder(context), "app.sock");
      const { port } = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        pools: { web: { backends: [`unix:${path}`], healthCheck: false } },
      });
      assert.equal((await exchange(port)).status, 502);
      await backendAt(context, { path });
      assert.equal((await exchange(port, { method: "POST", body: "x" })).status, 200);
    },
  },
  {
    name: "addresses: a Unix socket is refused at the start where there are none",
    only: ["workers"],
    async run(context) {
      const config = { listen: { port: 0 }, pools: { web: { backends: ["unix:/run/app.sock"] } } };
      const running = launch(context.runtime, temporaryFile("roundabout.json", JSON.stringify(config)));
      context.onEnd(() => running.end());
      assert.equal((await running.exit).code, 2);
      assert.match(running.errors(), /pools\.web\.backends\[0\]: .*Workers have no Unix sockets/);
    },
  },
];
