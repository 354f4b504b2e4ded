import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import type { RawClient, RawResponse } from "../../support/raw-client.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const old = (target: string, fields = "") => `GET ${target} HTTP/1.0\r\nHost: balancer.test\r\n${fields}\r\n`;
const keepAlive = "Connection: keep-alive\r\n";

/** The answers to `count` requests, as far as they come. */
async function answers(client: RawClient, count: number): Promise<RawResponse[]> {
  const came: RawResponse[] = [];
  while (came.length < count) {
    const next = await client.response().catch(() => undefined);
    if (next === undefined) break;
    came.push(next);
  }
  return came;
}

export const connectionCases: readonly ConformanceCase[] = [
  {
    name: "connections: an HTTP/1.0 client gets its answer and the connection's end",
    async run(context) {
      const { connect } = await context.stage(plain);
      const client = await connect();
      await client.send(old("/"));
      const response = await client.response();
      assert.deepEqual([response.status, response.body.toString(), response.complete], [200, "main", true]);
      assert.equal(await client.ended, "fin");
    },
  },
  {
    name: "connections: an HTTP/1.0 client that asks for keep-alive is told that it has it, and uses it",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [], arrival.target));
      const client = await connect();
      for (const target of ["/1", "/2", "/3"]) {
        await client.send(old(target, keepAlive));
        const response = await client.response();
        assert.equal(response.body.toString(), target);
        assert.match(response.field("connection") ?? "", /^keep-alive$/i);
      }
    },
  },
  {
    name: "connections: an HTTP/1.0 client that asks for keep-alive can tell where a body of unknown length ends",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const body = "b".repeat(200_000);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (const part of [body, body, ""]) arrival.write(chunk(part));
      });
      const client = await connect();
      await client.send(old("/", keepAlive));
      const response = await client.response();
      assert.equal(response.field("transfer-encoding"), undefined);
      assert.ok(response.complete);
      assert.equal(response.body.length, 400_000);
    },
  },
  {
    name: "connections: an HTTP/1.0 client can send a body of known length",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send("POST / HTTP/1.0\r\nHost: balancer.test\r\nContent-Length: 5\r\n\r\nhello");
      assert.equal((await client.response()).status, 200);
      assert.equal((await backends.main.arrivals[0]?.body())?.bytes.toString(), "hello");
    },
  },
  {
    name: "connections: pipelined requests are answered in their order, or the connection is closed with a word",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) =>
        arrival.answer(200, [], `${arrival.target} ${(await arrival.body()).bytes}`)
      );
      const client = await connect();
      const request = (target: string, body: string) =>
        `POST ${target} HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      await client.send(["one", "two", "three"].map((body, index) => request(`/${index}`, body)).join(""));
      const came = await answers(client, 3);
      assert.deepEqual(came.map(({ body }) => body.toString()), ["/0 one", "/1 two", "/2 three"].slice(0, came.length));
      if (came.length < 3) assert.match(came.at(-1)?.field("connection") ?? "", /close/i);
    },
  },
  {
    name: "connections: a pipelined request reaches no backend before an unsafe one in front of it is answered",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      const seen: string[] = [];
      backends.main.handle(async (arrival) => {
        seen.push(`${arrival.target} arrived`);
        // Another connection's whole exchange: time enough for what would overtake.
        if (arrival.target === "/unsafe") await exchange({ target: "/between" });
        seen.push(`${arrival.target} answered`);
        await arrival.answer(200, [], arrival.target);
      });
      const client = await connect();
      await client.send(
        "DELETE /unsafe HTTP/1.1\r\nHost: balancer.test\r\n\r\nGET /after HTTP/1.1\r\nHost: balancer.test\r\n\r\n",
      );
      assert.deepEqual((await answers(client, 2)).map(({ body }) => body.toString()), ["/unsafe", "/after"]);
      assert.ok(seen.indexOf("/unsafe answered") < seen.indexOf("/after arrived"), seen.join(", "));
    },
  },
  {
    name: "connections: a request that waits behind a slow one is answered after it",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) => {
        if (arrival.target === "/slow") return;
        await arrival.answer(200, [], arrival.target);
      });
      const client = await connect();
      await client.send(
        "GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\nGET /fast HTTP/1.1\r\nHost: balancer.test\r\n\r\n",
      );
      const slow = await backends.main.arrival(0);
      assert.equal(client.reader.received().length, 0);
      await slow.answer(200, [], "/slow");
      const came = await answers(client, 2);
      assert.deepEqual(came.map(({ body }) => body.toString()), ["/slow", "/fast"].slice(0, came.length));
      if (came.length < 2) assert.match(came.at(-1)?.field("connection") ?? "", /close/i);
    },
  },
];
