import assert from "node:assert/strict";
import type { ConformanceCase } from "../case.ts";
import { plain, strict } from "../stages.ts";

export const adminCases: readonly ConformanceCase[] = [
  {
    name: "admin: livez and readyz say ok and nothing else",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const target of ["/_roundabout/livez", "/_roundabout/readyz"]) {
        const response = await exchange({ target, host: "anything.test" });
        assert.equal(response.status, 200);
        assert.equal(response.body.toString().trim(), "ok");
      }
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "admin: the path can be moved, and the old one is a backend's",
    async run(context) {
      const { exchange, backends } = await context.stage(strict);
      assert.equal((await exchange({ target: "/-/balancer/livez" })).body.toString().trim(), "ok");
      assert.equal((await exchange({ target: "/-/balancer/readyz" })).body.toString().trim(), "ok");
      assert.equal((await exchange({ target: "/_roundabout/livez" })).body.toString(), "main");
      assert.equal(backends.main.arrivals.length, 1);
    },
  },
  {
    name: "admin: false leaves every path to the backends",
    async run(context) {
      const main = await context.backend("main");
      const { port } = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        admin: false,
        pools: { web: { backends: [main.url], healthCheck: false } },
      });
      const client = await context.connect(port);
      await client.send("GET /_roundabout/livez HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).body.toString(), "main");
    },
  },
];
