import assert from "node:assert/strict";
import type { LogLine } from "../balancer.ts";
import type { ConformanceCase } from "../case.ts";
import { plain, strict } from "../stages.ts";

const propertiesOf = (line: LogLine): LogLine => (line["properties"] as LogLine | undefined) ?? line;

export const logCases: readonly ConformanceCase[] = [
  {
    name: "logs: one line of JSON a request says what became of it",
    async run(context) {
      const { exchange, balancer, backends } = await context.stage(plain);
      await exchange({ target: "/logged?secret=1", method: "POST", body: "x", host: "a.balancer.test:81" });
      const line = propertiesOf(
        await balancer.waitForLog((_line, text) => text.includes("/logged"), "the request's line"),
      );
      assert.equal(line["requestId"], backends.main.arrivals[0]?.field("x-request-id"));
      assert.equal(line["method"], "POST");
      assert.equal(line["host"], "a.balancer.test:81");
      assert.equal(line["path"], "/logged", "without the query, which may hold secrets");
      assert.equal(line["status"], 200);
      assert.equal(line["tries"], 1);
      assert.match(String(line["backend"]), new RegExp(`127\\.0\\.0\\.1:${backends.main.port}`));
      assert.equal(typeof line["headMs"], "number");
      assert.equal(typeof line["totalMs"], "number");
      if (context.runtime === "node" || context.runtime === "deno") assert.equal(line["bytes"], 4);
      assert.equal(balancer.process.lines().filter((text) => text.includes("/logged")).length, 1);
    },
  },
  {
    name: "logs: every line on standard output is JSON",
    async run(context) {
      const { exchange, balancer } = await context.stage(plain);
      await exchange({ target: "/well-formed" });
      await balancer.waitForLog((_line, text) => text.includes("/well-formed"), "the request's line");
      for (const text of balancer.process.lines()) assert.equal(typeof JSON.parse(text), "object", text);
    },
  },
  {
    name: "logs: clients that leave and backends that break write nothing beside the log",
    async run(context) {
      const { connect, exchange, balancer, backends } = await context.stage(plain);
      const before = balancer.process.errors().length;
      for (const how of ["resetAndDestroy", "end"] as const) {
        backends.main.handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"));
        const deserted = await connect();
        await deserted.send(`GET /beside/${how} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`);
        await deserted.reader.until("only this");
        backends.main.arrivals.at(-1)?.socket[how]();
        await deserted.ended;
        const deserting = await connect();
        await deserting.send("GET /beside/gone HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
        await deserting.reader.until("only this");
        deserting.leave();
      }
      backends.main.reset();
      await exchange({ target: "/beside/last" });
      await balancer.waitForLog((_line, text) => text.includes("/beside/last"), "the last request's line");
      assert.equal(balancer.process.errors().slice(before), "");
    },
  },
  {
    name: "logs: a client that left is 499",
    gaps: { workers: "workerd does not notice a FIN before it has something to write" },
    async run(context) {
      const { connect, balancer, backends } = await context.stage(plain);
      backends.main.handle(() => new Promise(() => {}));
      const client = await connect();
      await client.send("GET /left HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await backends.main.arrival(0);
      client.leave();
      const line = await balancer.waitForLog((_line, text) => text.includes("/left"), "the request's line");
      assert.equal(propertiesOf(line)["status"], 499);
    },
  },
  {
    name: "logs: access lines can be turned off",
    async run(context) {
      const { exchange, balancer } = await context.stage(strict);
      assert.equal((await exchange({ target: "/unlogged" })).status, 200);
      // A failing request is logged all the same, after the one that must not be.
      assert.equal(
        (await exchange({ method: "POST", target: "/unlogged-too", body: Buffer.alloc(20_000) })).status,
        413,
      );
      const client = balancer.process.lines().filter((text) => text.includes("/unlogged"));
      assert.deepEqual(client, []);
    },
  },
];
