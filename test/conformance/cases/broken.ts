import assert from "node:assert/strict";
import type { Arrival } from "../../support/raw-backend.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

/** A backend that fails before it has answered: the client must get a clean 502. */
const before: readonly { readonly what: string; readonly error: RegExp; fail(arrival: Arrival): unknown }[] = [
  { what: "resets", error: /connection_terminated/, fail: ({ socket }) => socket.resetAndDestroy() },
  { what: "hangs up", error: /connection_terminated/, fail: ({ socket }) => socket.end() },
  {
    what: "talks garbage",
    error: /http_protocol_error|connection_terminated/,
    fail: ({ socket }) => socket.end("*** this is not HTTP ***\r\n\r\n"),
  },
  {
    what: "sends half a head",
    error: /connection_terminated|http_protocol_error|http_response_incomplete/,
    fail: ({ socket }) => socket.end("HTTP/1.1 200 OK\r\nX-Half: "),
  },
  {
    what: "switches protocols unasked",
    error: /http_protocol_error|connection_terminated/,
    fail: ({ socket }) => socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
  },
];

/** A backend that fails in its body: the client must be able to tell. */
const within: readonly { readonly what: string; readonly bytes: string; readonly reset?: boolean }[] = [
  {
    what: "resets in a body of known length",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
    reset: true,
  },
  { what: "hangs up in a body of known length", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this" },
  {
    what: "resets in a chunked body",
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    reset: true,
  },
  {
    what: "hangs up in a chunked body",
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
  },
  {
    what: "hangs up in the middle of a chunk",
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly this",
  },
  {
    what: "sends a malformed chunk",
    bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\nnot a size\r\n",
  },
  {
    what: "resets in a compressed body",
    bytes: "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100\r\n\r\nonly this",
    reset: true,
  },
];

export const brokenCases: readonly ConformanceCase[] = [
  {
    name: "broken: a backend that refuses is a 502 that says so",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await backends.dead.refuse();
      const response = await exchange({ host: "dead.test" });
      assert.equal(response.status, 502);
      if (context.runtime !== "workers") {
        assert.match(response.field("proxy-status") ?? "", /error="?connection_refused/);
      }
      assert.ok(response.complete);
    },
  },
  ...before.map(
    ({ what, error, fail }): ConformanceCase => ({
      name: `broken: a backend that ${what} before its answer is a 502, and a POST reaches it once`,
      async run(context) {
        const { exchange, backends } = await context.stage(plain);
        backends.main.handle(fail);
        const response = await exchange({ method: "POST", target: "/broken", body: "once" });
        assert.equal(response.status, 502);
        assert.match(response.field("proxy-status") ?? "", error);
        assert.ok(response.complete);
        assert.equal(backends.main.arrivals.length, 1);
        backends.main.reset();
        assert.equal((await exchange()).status, 200);
      },
    }),
  ),
  ...within.map(
    ({ what, bytes, reset }): ConformanceCase => ({
      name: `broken: a backend that ${what} breaks the client's answer too`,
      async run(context) {
        const { connect, exchange, backends } = await context.stage(plain);
        backends.main.handle((arrival) => {
          arrival.socket.write(bytes, () => {
            if (reset !== true) arrival.socket.end();
          });
        });
        const client = await connect();
        await client.send("GET /broken HTTP/1.1\r\nHost: balancer.test\r\nAccept-Encoding: gzip\r\n\r\n");
        // Undefined where the connection broke before the head was out: that is no whole answer either.
        const head = client.head().catch(() => undefined);
        if (reset === true) {
          // Only once the head is through: a reset throws away what the other side has not read yet.
          await head;
          (await backends.main.arrival(0)).socket.resetAndDestroy();
        }
        // A break that comes together with the head can still be told in full.
        if ((await head)?.status === 502) return;
        const ended = await client.ended;
        const framing = (await head)?.framing;
        const received = client.reader.received().toString("latin1");
        assert.match(received, /^HTTP\/1\.1 200 /);
        assert.doesNotMatch(received, /\r\n0\r\n(.*\r\n)*\r\n$/, "no last chunk");
        assert.doesNotMatch(received, /HTTP\/1\.1 [45]/, "no second answer inside the first");
        const told = framing?.kind === "chunked" || (framing?.kind === "length" && framing.length === 100);
        assert.ok(told || ended === "reset", "the missing rest can be told");
        backends.main.reset();
        assert.equal((await exchange()).status, 200);
      },
    }),
  ),
  {
    name: "broken: a backend that takes too long is a 504",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle(() => new Promise(() => {}));
      const response = await exchange({ host: "slow.test" });
      assert.equal(response.status, 504);
      assert.match(response.field("proxy-status") ?? "", /http_response_timeout/);
      assert.equal(backends.main.arrivals.length, 1);
      await backends.main.arrivals[0]?.closed;
    },
  },
  {
    name: "broken: the time limit on the head does not cut a body",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegin"));
      const client = await connect();
      await client.send("GET /long HTTP/1.1\r\nHost: slow.test\r\n\r\n");
      await client.reader.until("begin");
      // Twice the limit: the passing of time is what this case is about.
      await new Promise((resolve) => setTimeout(resolve, 600));
      (await backends.main.arrival(0)).write("ended");
      assert.ok((await client.reader.until("ended"))?.includes("ended"));
    },
  },
  {
    name: "broken: early hints before the answer do no harm",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.write("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfinal")
      );
      const response = await exchange();
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), "final");
    },
  },
  {
    name: "broken: an answer of two lengths never desynchronizes the client",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const heads = [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 8\r\n\r\nabcdefgh",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n8\r\nabcdefgh\r\n0\r\n\r\n",
      ];
      for (const head of heads) {
        backends.main.handle((arrival) => arrival.socket.end(head));
        const client = await connect();
        await client.send("GET /ambiguous HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
        const response = await client.response();
        assert.ok(
          response.status === 502 || response.body.toString() === "abcdefgh" || !response.complete,
          `${response.status} ${response.body}`,
        );
        assert.ok(response.all("content-length").length + response.all("transfer-encoding").length <= 1, "one framing");
      }
    },
  },
];
