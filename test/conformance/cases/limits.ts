import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import type { ConformanceCase } from "../case.ts";
import { plain, strict } from "../stages.ts";

const kibibyte = 1024;

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
];
