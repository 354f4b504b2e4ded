import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import type { Handler } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import type { ConformanceCase } from "../case.ts";
import { plain, strict } from "../stages.ts";

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`;

/** Answers with these interim answers before the answer, each once the last one is out. */
const after = (...interim: readonly string[]): Handler => async (arrival) => {
  await arrival.body();
  for (const early of interim) arrival.write(`HTTP/1.1 ${early}\r\n\r\n`);
  arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal");
};

const hint = "103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Early: yes";

const trailing = (body: string): Handler => (arrival) => {
  arrival.write("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n");
  arrival.write(`${chunk(body)}0\r\nX-Sum: 5\r\nX-Sum: six\r\n\r\n`);
};

const noTrailers = "trailers do not pass through a web Response";
const noInterim = "a web Response has no place for an answer before the answer";

export const interimCases: readonly ConformanceCase[] = [
  {
    name: "interim: an unasked 100, and any other interim answer, is not an error",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (
        const interim of [["100 Continue"], ["102 Processing", "102 Processing"], [hint, "100 Continue"], ["199 Odd"]]
      ) {
        backends.main.handle(after(...interim));
        for (const options of [{}, { method: "POST", body: "asked for" }, { method: "DELETE" }]) {
          const response = await exchange(options);
          assert.deepEqual([response.status, response.body.toString()], [200, "final"], interim.join());
        }
      }
    },
  },
  {
    name: "interim: a 103 is passed on before the answer, with its fields",
    gaps: { workers: noInterim },
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.write(`HTTP/1.1 ${hint}\r\n\r\n`));
      const client = await connect();
      await client.send(get("/early"));
      // Nothing more is sent until it has come through.
      const early = (await client.reader.until("\r\n\r\n"))?.toString("latin1") ?? "";
      assert.match(early, /^HTTP\/1\.1 103 /);
      assert.match(early, /\r\nlink: <\/style\.css>; rel=preload\r\n/i);
      assert.match(early, /\r\nx-early: yes\r\n/i);
      (await backends.main.arrival(0)).write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal");
      assert.equal((await client.response()).body.toString(), "final");
    },
  },
  {
    name: "interim: an HTTP/1.0 client gets no answer before the answer",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(after(hint));
      const client = await connect();
      await client.send("GET / HTTP/1.0\r\nHost: balancer.test\r\n\r\n");
      const response = await client.response();
      assert.deepEqual([response.interim, response.body.toString()], [[], "final"]);
    },
  },
  {
    name: "interim: trailers of an answer reach the client that asked for them",
    gaps: { workers: noTrailers },
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      for (const body of ["hello", "h".repeat(300_000)]) {
        backends.main.handle(trailing(body));
        const client = await connect();
        await client.send("GET / HTTP/1.1\r\nHost: balancer.test\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
        const response = await client.response();
        assert.equal(response.body.toString(), body);
        assert.match(client.reader.received().toString("latin1"), /\r\n0\r\nX-Sum: 5\r\nX-Sum: six\r\n\r\n$/i);
      }
    },
  },
  {
    name: "interim: an answer with trailers is whole for a client that did not ask for them",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      for (const body of ["hello", "h".repeat(300_000)]) {
        const client = await connect();
        for (const head of [get("/"), "GET / HTTP/1.0\r\nHost: balancer.test\r\n\r\n"]) {
          backends.main.handle(trailing(body));
          await client.send(head);
          const response = await client.response();
          assert.equal(response.body.toString(), body);
          assert.ok(response.complete);
        }
      }
    },
  },
  {
    name: "interim: trailers of a request reach the backend",
    gaps: { workers: "workerd drops them" },
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send("POST / HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n");
      const { socket, closed } = await backends.main.arrival(0);
      let seen = "";
      const ended = new Promise<void>((resolve) => {
        socket.on("data", (bytes: Buffer) => {
          seen += bytes.toString("latin1");
          if (/0\r\n(?:.*\r\n)*\r\n$/.test(seen)) resolve();
        });
        void closed.then(() => resolve());
      });
      await client.send("5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
      await within(5000, () => `the last chunk; so far ${JSON.stringify(seen)}`, ended);
      assert.match(seen, /0\r\nX-Sum: 5\r\n\r\n$/i);
      assert.equal((await client.response()).status, 200);
    },
  },
  {
    name: "interim: a chunked request with trailers arrives whole, and is followed by the next",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      for (let turn = 0; turn < 2; turn += 1) {
        await client.send("POST / HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n");
        await client.send("5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
        assert.equal((await client.response()).status, 200);
        const { bytes, complete } = await backends.main.arrivals[turn]!.body();
        assert.deepEqual([bytes.toString(), complete], ["hello", true]);
      }
    },
  },
  {
    name: "interim: a client that expects 100-continue is answered with it or with the refusal, and can go on",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(
        "PUT /else HTTP/1.1\r\nHost: nowhere.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
      );
      const first = (await client.reader.until("\r\n\r\n"))?.toString("latin1") ?? "";
      assert.match(first, /^HTTP\/1\.1 (?:100|404) /);
      if (first.includes(" 100 ")) {
        await client.send("body");
        assert.equal((await client.response()).status, 404);
      }
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "interim: a client that is refused is not asked for its body first",
    async run(context) {
      const { connect, backends } = await context.stage(strict);
      const client = await connect();
      await client.send(
        "PUT / HTTP/1.1\r\nHost: balancer.test\r\nExpect: 100-continue\r\nContent-Length: 10000000\r\n\r\n",
      );
      const { status, interim } = await client.response();
      assert.deepEqual([status, interim], [413, []]);
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
];
