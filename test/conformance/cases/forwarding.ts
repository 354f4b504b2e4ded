import assert from "node:assert/strict";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const targets = [
  "/a/b?x=1&y=2",
  "/a%2Fb",
  "/%2E%2E%2fx",
  "/?",
  "/a?",
  "/x;p=1",
  "/it's",
  "/a?b=\\c",
  "/%zz",
  "/a//b",
  "/q?x=a+b&x=%26",
  "/%00",
];

const statuses = [
  200,
  201,
  202,
  206,
  226,
  300,
  301,
  302,
  303,
  305,
  307,
  308,
  400,
  401,
  402,
  403,
  404,
  407,
  409,
  410,
  418,
  422,
  429,
  451,
  500,
  501,
  507,
  511,
  599,
];

export const forwardingCases: readonly ConformanceCase[] = [
  {
    name: "forwarding: a request reaches the backend and its answer the client",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const response = await exchange({ target: "/hello" });
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), "main");
      assert.ok(response.complete);
      assert.equal(backends.main.arrivals.length, 1);
      assert.equal(backends.main.arrivals[0]?.method, "GET");
    },
  },
  {
    name: "forwarding: path and query arrive byte for byte",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const target of targets) assert.equal((await exchange({ target })).status, 200, target);
      assert.deepEqual(backends.main.arrivals.map((arrival) => arrival.target), targets);
    },
  },
  {
    name: "forwarding: the methods arrive as they were sent",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"];
      for (const method of methods) assert.equal((await exchange({ method })).status, 200, method);
      assert.deepEqual(backends.main.arrivals.map((arrival) => arrival.method), methods);
    },
  },
  {
    name: "forwarding: a backend's base path goes in front",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const target of ["/", "/x/y?z", "/?q"]) await exchange({ host: "base.test", target });
      assert.deepEqual(backends.main.arrivals.map((arrival) => arrival.target), ["/base/", "/base/x/y?z", "/base/?q"]);
    },
  },
  {
    name: "forwarding: statuses pass as they are",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const status of statuses) {
        backends.main.handle((arrival) => arrival.answer(status, [["x-status", `${status}`]], "as it is"));
        const response = await exchange({ method: "POST", target: `/${status}`, body: "x" });
        assert.equal(response.status, status);
        assert.equal(response.field("x-status"), `${status}`);
        assert.ok(response.complete, `${status} is complete`);
        assert.equal(response.body.toString(), "as it is");
      }
    },
  },
  {
    name: "forwarding: a 205 ends at its head",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      backends.main.handle((arrival) => arrival.answer(205));
      await client.send("GET /reset HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const response = await client.response();
      assert.equal(response.status, 205);
      assert.ok(response.complete);
      assert.equal(response.body.length, 0);
    },
  },
  {
    name: "forwarding: a 205 with content is not taken for one without",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      backends.main.handle((arrival) =>
        arrival.target === "/205" ? arrival.answer(205, [], "hello") : arrival.answer(200, [], "the next")
      );
      await client.send("GET /205 HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).status, 502);
      await client.send("GET /next HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).body.toString(), "the next");
    },
  },
  {
    name: "forwarding: redirects are the client's to follow",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const location = "http://elsewhere.test/there?x=%20";
      backends.main.handle((arrival) => arrival.answer(302, [["location", location]], "moved"));
      const response = await exchange({ target: "/here" });
      assert.equal(response.status, 302);
      assert.equal(response.field("location"), location);
      assert.equal(response.body.toString(), "moved");
      assert.equal(backends.main.arrivals.length, 1);
    },
  },
  {
    name: "forwarding: HEAD keeps the fields and has no body",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) => {
        await arrival.body();
        arrival.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\netag: "e"\r\ncontent-length: 5000\r\n\r\n');
      });
      const client = await connect();
      await client.send("HEAD /h HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const head = await client.response("HEAD");
      assert.equal(head.status, 200);
      assert.equal(head.field("content-length"), "5000");
      assert.equal(head.field("etag"), '"e"');
      backends.main.handle((arrival) => arrival.answer(200, [], "after"));
      await client.send("GET /next HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).body.toString(), "after");
    },
  },
  {
    name: "forwarding: 204 and 304 have no body and keep their fields",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      for (const status of [204, 304]) {
        backends.main.handle((arrival) => arrival.answer(status, [["etag", '"v1"'], ["vary", "accept"]]));
        await client.send(`GET /${status} HTTP/1.1\r\nHost: balancer.test\r\nIf-None-Match: "v1"\r\n\r\n`);
        const response = await client.response();
        assert.equal(response.status, status);
        assert.equal(response.field("etag"), '"v1"');
        assert.equal(response.field("vary"), "accept");
        assert.equal(response.field("transfer-encoding"), undefined);
      }
    },
  },
  {
    name: "forwarding: a 204 says no length, whatever its backend says",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.write("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"));
      const response = await exchange({});
      assert.deepEqual([response.status, response.field("content-length")], [204, undefined]);
    },
  },
  {
    name: "forwarding: one client connection carries many requests",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [], arrival.target));
      const client = await connect();
      for (let turn = 0; turn < 5; turn += 1) {
        await client.send(`GET /${turn} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`);
        assert.equal((await client.response()).body.toString(), `/${turn}`);
      }
      assert.equal(backends.main.connections() <= 1, true, "and the backend's connection is kept too");
    },
  },
  {
    name: "forwarding: Connection: close of the client ends its connection and not the backend's",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send("GET / HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n");
      const response = await client.response();
      assert.equal(response.body.toString(), "main");
      assert.equal(response.field("connection"), "close", "and it says so (RFC 9112 §9.6)");
      assert.equal(await client.ended, "fin");
      assert.notEqual(backends.main.arrivals[0]?.field("connection"), "close");
    },
  },
  {
    name: "forwarding: a client of HTTP/1.0 gets no chunked body",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle(async (arrival) => {
        await arrival.body();
        arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n");
      });
      const client = await connect();
      await client.send("GET / HTTP/1.0\r\nHost: balancer.test\r\n\r\n");
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(response.field("transfer-encoding"), undefined);
      assert.equal(response.body.toString(), "old");
    },
  },
  {
    name: "forwarding: a request without a body says nothing of one",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const length = method === "POST" ? "Content-Length: 0\r\n" : "";
        await client.send(`${method} /empty HTTP/1.1\r\nHost: balancer.test\r\n${length}\r\n`);
        assert.equal((await client.response(method)).status, 200);
        const arrival = backends.main.arrivals.at(-1);
        assert.equal(arrival?.field("transfer-encoding"), undefined, `${method} without Transfer-Encoding`);
        assert.ok([undefined, "0"].includes(arrival?.field("content-length")), `${method} without a length but 0`);
        if (method === "GET" || method === "HEAD") assert.equal(arrival?.field("content-length"), undefined);
      }
    },
  },
];
