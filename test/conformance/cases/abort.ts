import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import { within } from "../../support/wait.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const get = "GET /abort HTTP/1.1\r\nHost: balancer.test\r\n\r\n";
const silence = () => new Promise<void>(() => {});

export const abortCases: readonly ConformanceCase[] = [
  {
    name: "abort: a client that leaves before the head ends the backend's work",
    gaps: { workers: "workerd does not notice a FIN before it has something to write" },
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      backends.main.handle(silence);
      const client = await connect();
      await client.send(get);
      const arrival = await backends.main.arrival(0);
      client.leave();
      await within(3000, "the backend's connection closing", arrival.closed);
      assert.equal(backends.main.arrivals.length, 1, "and nobody tries again");
      backends.main.reset();
      assert.equal((await exchange()).status, 200);
    },
  },
  {
    name: "abort: a client that resets before the head ends the backend's work",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(silence);
      const client = await connect();
      await client.send(get);
      const arrival = await backends.main.arrival(0);
      client.reset();
      await within(3000, "the backend's connection closing", arrival.closed);
      assert.equal(backends.main.arrivals.length, 1);
    },
  },
  {
    name: "abort: a client that leaves in a flowing body ends the backend's work",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        const flow = setInterval(() => arrival.write(chunk("more and more ".repeat(100))), 5);
        arrival.socket.on("close", () => clearInterval(flow));
        return silence();
      });
      const client = await connect();
      await client.send(get);
      await client.reader.until("more and more");
      client.leave();
      await within(5000, "the backend's connection closing", (await backends.main.arrival(0)).closed);
    },
  },
  {
    name: "abort: what waits behind another request is not sent when its client has left",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.target === "/1" ? silence() : arrival.answer(200));
      const client = await connect();
      const post = (target: number) =>
        `POST /${target} HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 4\r\n\r\nbody`;
      await client.send(post(1) + post(2));
      const arrival = await backends.main.arrival(0);
      client.reset();
      await within(5000, "the backend's connection closing", arrival.closed);
      assert.equal((await exchange({ target: "/after" })).status, 200);
      assert.deepEqual(backends.main.arrivals.map(({ target }) => target), ["/1", "/after"]);
    },
  },
  {
    name: "abort: a client that leaves in a silent body ends the backend's work",
    gaps: { workers: "workerd does not notice a FIN before it has something to write" },
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n");
        return silence();
      });
      const client = await connect();
      await client.send(get);
      await client.reader.until("begin");
      client.leave();
      await within(3000, "the backend's connection closing", (await backends.main.arrival(0)).closed);
    },
  },
  {
    name: "abort: a client that leaves in its upload is seen by the backend as broken off",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send("POST /abort HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 1000\r\n\r\nonly this");
      const arrival = await backends.main.arrival(0);
      client.leave();
      await within(3000, "the backend's connection closing", arrival.closed);
      assert.equal((await arrival.body()).complete, false);
      assert.equal(backends.main.arrivals.length, 1);
    },
  },
  {
    name: "abort: a client that leaves in a chunked upload is not mistaken for its end",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(
        "POST /abort HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
      );
      const arrival = await backends.main.arrival(0);
      client.leave();
      await within(3000, "the backend's connection closing", arrival.closed);
      assert.equal((await arrival.body()).complete, false, "no last chunk may be made up");
    },
  },
];
