import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import type { ConformanceCase } from "../case.ts";
import { withTls } from "../secured.ts";
import { plain, strict } from "../stages.ts";
import { eventually, within } from "../../support/wait.ts";

const kibibyte = 1024;
const listen = { port: 0, hostname: "127.0.0.1" };

export const limitCases: readonly ConformanceCase[] = [
  {
    name: "limits: a body that is announced too large is a 413 and reaches nobody",
    async run(context) {
      const { exchange, backends } = await context.stage(strict);
      const response = await exchange({ method: "POST", body: Buffer.alloc(10 * kibibyte + 1) });
      assert.equal(response.status, 413);
      assert.match(response.field("proxy-status") ?? "", /roundabout/);
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "limits: a body of exactly the limit passes",
    async run(context) {
      const { exchange, backends } = await context.stage(strict);
      assert.equal((await exchange({ method: "POST", body: Buffer.alloc(10 * kibibyte, "x") })).status, 200);
      assert.equal((await backends.main.arrivals[0]?.body())?.bytes.length, 10 * kibibyte);
    },
  },
  {
    name: "limits: a chunked body that grows too large is a 413, and the backend never sees its end",
    async run(context) {
      const { connect, backends } = await context.stage(strict);
      const client = await connect();
      await client.send("POST /grow HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let turn = 0; turn < 11; turn += 1) await client.send(chunk(Buffer.alloc(kibibyte, "x")));
      await client.send(chunk(""));
      assert.equal((await client.response()).status, 413);
      for (const arrival of backends.main.arrivals) {
        const { bytes, complete } = await arrival.body();
        assert.equal(complete, false);
        assert.ok(bytes.length <= 10 * kibibyte);
      }
    },
  },
  {
    name: "limits: a head of more than 16 KiB is a 431",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(`GET /head HTTP/1.1\r\nHost: balancer.test\r\nX-Large: ${"x".repeat(20 * kibibyte)}\r\n\r\n`);
      assert.equal((await client.head()).status, 431);
      assert.equal(backends.main.arrivals.length, 0);
      assert.equal((await exchange({ fields: [["X-Small", "x".repeat(8 * kibibyte)]] })).status, 200);
    },
  },
  {
    name: "limits: a target of more than 16 KiB is refused",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(`GET /${"x".repeat(20 * kibibyte)} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`);
      const { status } = await client.head();
      assert.ok(status === 414 || status === 431, `${status}`);
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "limits: beyond so many connections nobody is let in, until there is room again",
    only: withTls,
    async run(context) {
      const backend = await context.backend("main");
      const { port } = await context.start({
        listen,
        limits: { connections: 2 },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const get = "GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n";
      const inside = [await context.connect(port), await context.connect(port)];
      for (const client of inside) {
        await client.send(get);
        assert.equal((await client.response()).status, 200);
      }
      const third = await context.connect(port);
      await within(8000, "the end of the third", third.ended);
      inside[0]!.leave();
      await eventually(8000, "room", async () => {
        const next = await context.connect(port);
        await next.send(get).catch(() => {});
        return (await next.response().catch(() => undefined))?.status === 200 ? true : undefined;
      });
      await inside[1]!.send(get);
      assert.equal((await inside[1]!.response()).status, 200);
    },
  },
  {
    name: "limits: a head that takes too long is a 408, and who says nothing at all is cut",
    only: withTls,
    async run(context) {
      const backend = await context.backend("main");
      const { port } = await context.start({
        listen,
        limits: { headTimeout: "300ms" },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const silent = await context.connect(port);
      const slow = await context.connect(port);
      await slow.send("GET / HTTP/1.1\r\nHost: bal");
      assert.equal((await slow.head()).status, 408);
      await within(8000, "their ends", Promise.all([silent.ended, slow.ended]));
      assert.equal(silent.reader.received().length, 0);
      assert.equal(backend.arrivals.length, 0);
    },
  },
  {
    name: "limits: a connection that rests for too long is ended, one that waits for its answer is not",
    only: withTls,
    async run(context) {
      const backend = await context.backend(
        "main",
        (arrival) => arrival.target === "/slow" ? undefined : arrival.answer(200, [], "main"),
      );
      const { port } = await context.start({
        listen,
        limits: { idleTimeout: "300ms" },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const waiting = await context.connect(port);
      await waiting.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const arrival = await backend.arrival(0);
      const resting = await context.connect(port);
      await resting.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await resting.response()).status, 200);
      await within(8000, "the end of the one at rest", resting.ended);
      await arrival.answer(200, [], "late");
      assert.equal((await waiting.response()).body.toString(), "late");
    },
  },
];
