import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chunk } from "../../support/http1.ts";
import { eventually } from "../../support/wait.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const mebibyte = 1024 * 1024;
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

export const bodyCases: readonly ConformanceCase[] = [
  {
    name: "bodies: 50 MB up with a length arrive whole and keep their length",
    timeoutMs: 40_000,
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const body = randomBytes(50 * mebibyte);
      backends.main.handle(async (arrival) => {
        const { bytes } = await arrival.body();
        await arrival.answer(200, [], hash(bytes));
      });
      const response = await exchange({ method: "POST", target: "/up", body });
      assert.equal(response.body.toString(), hash(body));
      assert.equal(backends.main.arrivals[0]?.field("content-length"), `${body.length}`);
      assert.equal(backends.main.arrivals[0]?.field("transfer-encoding"), undefined);
    },
  },
  {
    name: "bodies: 50 MB up in chunks arrive whole",
    timeoutMs: 40_000,
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const piece = randomBytes(mebibyte);
      const sent = createHash("sha256");
      backends.main.handle(async (arrival) => {
        const { bytes, complete } = await arrival.body();
        await arrival.answer(200, [], `${complete} ${hash(bytes)}`);
      });
      const client = await connect();
      await client.send("PUT /up HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let turn = 0; turn < 50; turn += 1) {
        sent.update(piece);
        await client.send(chunk(piece));
      }
      await client.send(chunk(""));
      assert.equal((await client.response()).body.toString(), `true ${sent.digest("hex")}`);
    },
  },
  {
    name: "bodies: 50 MB down with a length arrive whole",
    timeoutMs: 40_000,
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const body = randomBytes(50 * mebibyte);
      backends.main.handle((arrival) => arrival.answer(200, [["content-type", "application/octet-stream"]], body));
      const response = await exchange({ target: "/down" });
      assert.ok(response.complete);
      assert.equal(hash(response.body), hash(body));
    },
  },
  {
    name: "bodies: a streamed body keeps its length",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const body = randomBytes(mebibyte);
      backends.main.handle((arrival) => arrival.answer(200, [["content-type", "application/octet-stream"]], body));
      const response = await exchange({ target: "/down" });
      assert.equal(hash(response.body), hash(body));
      assert.equal(response.field("content-length"), `${body.length}`);
    },
  },
  {
    name: "bodies: 50 MB down in chunks arrive whole",
    timeoutMs: 40_000,
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const piece = randomBytes(mebibyte);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        for (let turn = 0; turn < 50; turn += 1) arrival.write(chunk(piece));
        arrival.write(chunk(""));
      });
      const response = await exchange({ target: "/down" });
      assert.ok(response.complete);
      assert.equal(hash(response.body), hash(Buffer.concat(Array.from({ length: 50 }, () => piece))));
    },
  },
  {
    name: "bodies: those of slow and of quick clients do not mix",
    timeoutMs: 40_000,
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      // More than all the sockets on the way hold, in pieces that a socket takes several of before it wants no more.
      const bodies = Array.from({ length: 4 }, () => randomBytes(16 * mebibyte));
      backends.main.handle(async (arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        const body = bodies[Number(arrival.target.slice(1))]!;
        for (let at = 0; at < body.length; at += 20_000) {
          arrival.write(chunk(body.subarray(at, at + 20_000)));
          await new Promise(setImmediate);
        }
        arrival.write(chunk(""));
      });
      const clients = await Promise.all(bodies.map(() => connect()));
      const download = async (index: number) =>
        assert.equal(hash((await clients[index]!.response()).body), hash(bodies[index]!), `body ${index}`);
      const [slow, quick] = [[0, 1], [2, 3]];
      for (const index of slow) clients[index]!.pause();
      for (const index of [...slow, ...quick]) {
        await clients[index]!.send(`GET /${index} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`);
      }
      await Promise.all(quick.map(download));
      for (const index of slow) clients[index]!.resume();
      await Promise.all(slow.map(download));
    },
  },
  {
    name: "bodies: a body until the connection's end arrives whole",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end");
        arrival.socket.end();
      });
      const response = await exchange();
      assert.equal(response.body.toString(), "until the end");
      assert.ok(response.complete);
    },
  },
  {
    name: "bodies: odd chunks, extensions and trailers of a backend come out as one body",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;name=value\r\na\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
        )
      );
      const response = await exchange();
      assert.equal(response.body.toString(), "a0123456789");
      assert.ok(response.complete);
    },
  },
  {
    name: "bodies: an upload is passed on before it ends",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(
        "POST /drip HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
      );
      let seen = "";
      const arrival = await backends.main.arrival(0);
      arrival.socket.on("data", (bytes: Buffer) => void (seen += bytes.toString()));
      const all = () => arrival.head.toString() + seen;
      await client.send("6\r\nsecond\r\n");
      await eventually(
        5000,
        "the second piece at the backend, the upload still open",
        async () => all().includes("second") || undefined,
      );
      await client.send(chunk(""));
      assert.equal((await client.response()).status, 200);
      assert.equal((await arrival.body()).bytes.toString(), "firstsecond");
    },
  },
  {
    name: "bodies: a client that expects 100-continue is asked for its body",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) => arrival.answer(200, [], (await arrival.body()).bytes));
      const client = await connect();
      await client.send(
        "PUT /expect HTTP/1.1\r\nHost: balancer.test\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
      );
      assert.match((await client.reader.until("\r\n\r\n"))?.toString() ?? "", /^HTTP\/1\.1 100 /);
      await client.send("continued");
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), "continued");
      assert.equal(backends.main.arrivals[0]?.field("expect"), undefined);
    },
  },
  {
    name: "bodies: server-sent events are relayed at once",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
      );
      const client = await connect();
      await client.send("GET /events HTTP/1.1\r\nHost: balancer.test\r\nAccept: text/event-stream\r\n\r\n");
      const arrival = await backends.main.arrival(0);
      for (const event of ["data: one\n\n", "data: two\n\n", "data: three\n\n"]) {
        arrival.write(chunk(event));
        // Nothing more is sent until this one has come through: held back in any buffer, it would never come.
        assert.match((await client.reader.until(event))?.toString() ?? "", new RegExp(event.trim()));
      }
      arrival.write(chunk(""));
    },
  },
  {
    name: "bodies: the head is relayed before the body begins",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\nx-early: yes\r\ncontent-length: 4\r\n\r\n"));
      const client = await connect();
      await client.send("GET /early HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const head = await client.head();
      assert.equal(head.field("x-early"), "yes");
      (await backends.main.arrival(0)).write("late");
      assert.equal((await client.reader.until("late"))?.includes("late"), true);
    },
  },
  {
    name: "bodies: a client that reads nothing holds the backend back",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const piece = Buffer.alloc(mebibyte);
      let taken = 0;
      backends.main.handle((arrival) => {
        arrival.write(`HTTP/1.1 200 OK\r\ncontent-length: ${200 * mebibyte}\r\n\r\n`);
        const next = () => void (taken < 200 && arrival.socket.write(piece, () => (taken += 1, next())));
        next();
      });
      const client = await connect();
      client.pause();
      await client.send("GET /flood HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await backends.main.arrival(0);
      let before = -1;
      let still = 0;
      await eventually(10_000, "a standstill", async () => {
        still = taken === before ? still + 1 : 0;
        before = taken;
        return still > 25 ? true : undefined;
      });
      assert.ok(taken < 60, `${taken} MB were taken from the backend with nobody reading`);
    },
  },
];
