import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connectClient } from "../../support/http2-client.ts";
import { chunk } from "../../support/http1.ts";
import { within } from "../../support/wait.ts";
import type { ConformanceCase } from "../case.ts";
import { secured, withTls } from "../secured.ts";
import { plain } from "../stages.ts";

/** Longer than any runtime's own idle time; the passing of time is what these cases are about. */
const silenceMs = 13_000;

const get = "GET /quiet HTTP/1.1\r\nHost: balancer.test\r\n\r\n";

const long = Buffer.alloc(16 * 1024 * 1024, "long ");

/** Silences of 13 s and more: run for all runtimes at the same time. */
export const silenceCases: readonly ConformanceCase[] = [
  {
    name: "silence: a stream that says nothing for 13 s goes on",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        arrival.write(chunk("data: first\n\n"));
      });
      const client = await connect();
      await client.send(get);
      await client.reader.until("data: first");
      await sleep(silenceMs);
      const arrival = await backends.main.arrival(0);
      arrival.write(chunk("data: second\n\n"));
      assert.match((await client.reader.until("data: second"))?.toString() ?? "", /second/);
      arrival.write(chunk(""));
      assert.match((await client.reader.until("0\r\n\r\n"))?.toString() ?? "", /0\r\n\r\n$/);
    },
  },
  {
    name: "silence: a client of HTTP/2 that is asked whether it is there is waited with",
    only: withTls,
    timeoutMs: 40_000,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      backends.main.handle(async (arrival) => {
        await sleep(2 * silenceMs);
        await arrival.answer(200, [], "at last");
      });
      const client = await connectClient(port);
      context.onEnd(client.leave);
      const stream = client.begin();
      const head = await within(
        35_000,
        "an answer's head",
        new Promise<{ readonly ":status"?: number }>((resolve, reject) => {
          stream.once("response", resolve).once("close", () => reject(new Error(`reset with ${stream.rstCode}`)));
        }),
      );
      assert.equal(head[":status"], 200);
    },
  },
  {
    name: "silence: a download by HTTP/2 that takes more than a minute comes whole",
    only: withTls,
    timeoutMs: 120_000,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      backends.main.handle((arrival) => arrival.answer(200, [], long));
      const client = await connectClient(port);
      context.onEnd(client.leave);
      const stream = client.begin();
      let bytes = 0;
      const startedAt = Date.now();
      for await (const data of stream as AsyncIterable<Buffer>) {
        bytes += data.byteLength;
        if (Date.now() - startedAt < 75_000) await sleep(1000); // slower than any window that fills
      }
      assert.equal(bytes, long.byteLength);
      assert.ok(Date.now() - startedAt > 70_000, "it took longer than a minute");
    },
  },
  {
    name: "silence: an answer that takes 13 s to begin comes",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) => {
        await sleep(silenceMs);
        await arrival.answer(200, [], "at last");
      });
      const client = await connect();
      await client.send(get);
      await sleep(silenceMs);
      assert.equal((await client.response()).body.toString(), "at last");
      assert.equal(backends.main.arrivals.length, 1);
    },
  },
  {
    name: "silence: an upload that pauses for 13 s goes on",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send("POST /quiet HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 11\r\n\r\nfirst");
      await sleep(silenceMs);
      await client.send("second");
      assert.equal((await client.response()).status, 200);
      assert.deepEqual(await backends.main.arrivals[0]?.body(), { bytes: Buffer.from("firstsecond"), complete: true });
    },
  },
  {
    name: "silence: a kept connection that rests for 13 s is used again",
    async run(context) {
      const { connect } = await context.stage(plain);
      const client = await connect();
      for (const pauseMs of [silenceMs, 0]) {
        await client.send(get);
        assert.equal((await client.response()).body.toString(), "main");
        await sleep(pauseMs);
      }
    },
  },
];
