import assert from "node:assert/strict";
import { once } from "node:events";
import { noMemory, residentMebibytes } from "../../support/memory.ts";
import { connectClient, type Http2Client, type Http2Request } from "../../support/http2-client.ts";
import { connectHttp2, field, flags, frame, frameTypes, request, reset } from "../../support/raw-http2.ts";
import { exchange } from "../../support/raw-client.ts";
import { accepting, openOn } from "../../support/raw-websocket.ts";
import { opcode } from "../../support/frames.ts";
import { within } from "../../support/wait.ts";
import type { CaseContext, ConformanceCase, Stage } from "../case.ts";
import { secured, secureListen, withTls } from "../secured.ts";

const open = async (context: CaseContext): Promise<Stage<"main"> & { client: Http2Client }> => {
  const stage = await context.stage(secured);
  const client = await connectClient(stage.port);
  context.onEnd(client.leave);
  return { ...stage, client };
};

/** A request's field block with these pseudo fields in the place of the usual ones. */
const block = (fields: readonly (readonly [name: string, value: string])[]) =>
  Buffer.concat(fields.map(([name, value]) => field(name, value)));

const usual = [[":method", "GET"], [":scheme", "https"], [":authority", "balancer.test"], [":path", "/"]] as const;

export const http2Cases: readonly ConformanceCase[] = [
  {
    name: "http2: a hundred requests at once share a connection and get their own answers",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle((arrival) => arrival.answer(200, [], arrival.target));
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => client.ask({ path: `/${index}` })),
      );
      assert.deepEqual(answers.map(({ body }) => body.toString()), answers.map((_, index) => `/${index}`));
    },
  },
  {
    name: "http2: :authority is the host, and cookies in crumbs reach the backend as one field",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      await client.ask({
        authority: "preserve.test:8443",
        fields: { cookie: ["a=1", "b=2", "c=3"], "x-list": "1, 2" },
      });
      const arrival = backends.main.arrivals[0];
      assert.deepEqual(arrival?.all("host"), ["preserve.test:8443"]);
      assert.deepEqual(arrival?.all("x-forwarded-host"), ["preserve.test:8443"]);
      assert.deepEqual(arrival?.all("cookie"), ["a=1; b=2; c=3"]);
      assert.deepEqual(arrival?.all("x-list"), ["1, 2"]);
      assert.ok(!arrival?.fields.some(([name]) => name.startsWith(":")), "no pseudo field");
    },
  },
  {
    name: "http2: who comes by TLS comes by https, whatever :scheme says, and from one host",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      const statuses: (number | "reset")[] = [];
      for (
        const fields of [
          usual.map(([name, value]) => [name, name === ":scheme" ? "http" : value] as const),
          [...usual, ["host", "balancer.test"] as const],
          [...usual, ["host", "other.test"] as const],
          usual.map(([name, value]) => [name, name === ":authority" ? "u@evil.test" : value] as const),
        ]
      ) {
        const raw = await connectHttp2(port);
        context.onEnd(raw.leave);
        await raw.send(frame(frameTypes.headers, flags.endStream | flags.endHeaders, 1, block(fields)));
        const answer = await raw.frame(({ type, stream }) => stream === 1 && (type === 1 || type === 3), "an answer");
        // The first byte of the block says 200 (RFC 7541 §A, entry 8) or 400 (entry 12), where they are indexed.
        const first = answer.payload[0];
        statuses.push(answer.type === 3 ? "reset" : first === 0x88 ? 200 : first === 0x8c ? 400 : -1);
      }
      assert.deepEqual(statuses.slice(0, 3), [200, 200, 400]);
      assert.ok(statuses[3] === 400 || statuses[3] === "reset", `${statuses[3]}`);
      assert.deepEqual(backends.main.arrivals.map((arrival) => arrival.field("x-forwarded-proto")), ["https", "https"]);
      assert.deepEqual(backends.main.arrivals[1]?.all("x-forwarded-host"), ["balancer.test"]);
    },
  },
  {
    name: "http2: a field that a backend says twice, and may not, harms nobody",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      for (const name of ["X-Content-Type-Options", "ETag"]) {
        backends.main.handle((arrival) => arrival.answer(200, [[name, "one"], [name, "one"]], "doubled"));
        const answer = await client.ask({ path: "/" });
        assert.deepEqual([answer.status, answer.body.toString()], [200, "doubled"], name);
      }
    },
  },
  {
    name: "http2: bytes beyond ASCII in fields pass in both directions",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle((arrival) => arrival.answer(200, [["X-Name", "caf\u00e9"]], "x"));
      const answer = await client.ask({ fields: { "x-name": "na\u00efve" } });
      assert.deepEqual([answer.fields["x-name"], backends.main.arrivals[0]?.field("x-name")], [
        "caf\u00e9",
        "na\u00efve",
      ]);
    },
  },
  {
    name: "http2: line breaks in names, values, methods and paths make no lines of HTTP/1.1",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      const evil = "a\r\nX-Evil: 1";
      const heads = [
        { fields: [["x-name", evil]] },
        { fields: [["x-name\r\nx-evil", "1"]] },
        { fields: [["x-name", "a\nX-Evil: 1"]] },
        { fields: [["x-name", "a\0"]] },
        { fields: [["x name", "a"]] },
        { method: `GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET` },
        { path: `/ HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET /x` },
      ] as const;
      for (const head of heads) {
        const raw = await connectHttp2(port);
        context.onEnd(raw.leave);
        await raw.send(request(1, { authority: "balancer.test", path: "/x", ...head }));
        const told = raw.frame(({ stream, type }) => stream === 1 || type === frameTypes.goaway, "a refusal");
        await Promise.race([told.catch(() => {}), raw.ended]);
      }
      const client = await connectClient(port);
      context.onEnd(client.leave);
      assert.equal((await client.ask({ path: "/after" })).status, 200);
      // The whole request may be refused, or pass without what is wrong with it.
      for (const { method, target, head } of backends.main.arrivals) {
        assert.ok(method === "GET" && (target === "/x" || target === "/after"), `${method} ${target}`);
        assert.doesNotMatch(String(head), /evil|x.name/i);
      }
    },
  },
  {
    name: "http2: fields that belong to one connection do not reach the backend",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      for (
        const given of [
          ["connection", "close"],
          ["transfer-encoding", "chunked"],
          ["keep-alive", "timeout=5"],
          ["upgrade", "h2c"],
          ["te", "gzip"],
          ["Upper", "case"],
          ["content-length", "5"],
          [":path", "/twice"],
          ["x-line", "a\r\nx-smuggled: 1"],
        ] as const
      ) {
        const raw = await connectHttp2(port);
        context.onEnd(raw.leave);
        const fields = block([...usual, given]);
        await raw.send(frame(frameTypes.headers, flags.endStream | flags.endHeaders, 1, fields));
        const answered = raw.frame(({ type }) => type === 1 || type === 3 || type === 7, "an answer");
        await Promise.race([answered.catch(() => {}), raw.ended]);
      }
      for (const arrival of backends.main.arrivals) {
        for (const name of ["transfer-encoding", "keep-alive", "upgrade", "te", "content-length", "x-smuggled"]) {
          assert.deepEqual(arrival.all(name), [], name);
        }
        assert.equal(arrival.target, "/");
        assert.deepEqual(await arrival.body(), { bytes: Buffer.alloc(0), complete: true });
      }
      assert.equal((await exchange(port, { servername: "localhost" })).status, 200);
    },
  },
  {
    name: "http2: bodies stream both ways, byte for byte",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));
      backends.main.handle(async (arrival) =>
        arrival.answer(200, [["X-Length", `${bytes.length}`]], (await arrival.body()).bytes)
      );
      for (const fields of [{ "content-length": bytes.length }, {}]) {
        const answer = await client.ask({ method: "POST", fields, body: bytes });
        assert.deepEqual([answer.status, answer.code], [200, 0]);
        assert.ok(answer.body.equals(bytes));
      }
      const [known, chunked] = backends.main.arrivals;
      assert.deepEqual([known?.all("content-length"), known?.all("transfer-encoding")], [[`${bytes.length}`], []]);
      assert.deepEqual([chunked?.all("content-length"), chunked?.all("transfer-encoding")], [[], ["chunked"]]);
    },
  },
  {
    name: "http2: a POST without a body stays without one",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      assert.equal((await client.ask({ method: "POST" })).status, 200);
      assert.deepEqual(backends.main.arrivals[0]?.all("transfer-encoding"), []);
    },
  },
  {
    name: "http2: a GET with a body is refused",
    only: withTls,
    gaps: { deno: "Deno hands over no body of a GET, and only a Content-Length tells of it" },
    async run(context) {
      const { client, backends } = await open(context);
      for (const fields of [{}, { "content-length": 4 }]) {
        const answer = await client.ask({ method: "GET", path: "/bodied", fields, body: "body" });
        assert.equal(answer.status, 400);
      }
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "http2: the first bytes of an answer and of a request go on at once",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle(async (arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        await once(arrival.socket, "data");
        arrival.write("5\r\nfirst\r\n");
      });
      const stream = client.begin({ method: "POST" }, true);
      stream.write("hello");
      const [head] = await within(8000, "the head", once(stream, "response"));
      assert.equal(head["content-type"], "text/event-stream");
      stream.write("more");
      const [chunk] = await within(8000, "the first chunk", once(stream, "data"));
      assert.equal(String(chunk), "first");
      stream.close();
    },
  },
  {
    name: "http2: an upload goes on while its answer does, however long both take",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle(async (arrival) => {
        if (arrival.method !== "POST") return await arrival.answer(200);
        arrival.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const { bytes } = await arrival.body();
        arrival.write(`${bytes.length.toString(16)}\r\n${bytes}\r\n0\r\n\r\n`);
      });
      const stream = client.begin({ method: "POST" }, true);
      stream.write("first ");
      await within(8000, "the head", once(stream, "response"));
      // Whole exchanges on the same connection: time enough for whatever would end the upload with the answer's head.
      for (let index = 0; index < 10; index++) assert.equal((await client.ask({})).status, 200);
      stream.end("last");
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      await within(8000, "the answer's end", once(stream, "close"));
      assert.equal(Buffer.concat(chunks).toString(), "first last");
    },
  },
  {
    name: "http2: HEAD, 204 and 304 have no body, Set-Cookie stays apart, compressed bytes are as they came",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      const bytes = Buffer.from([0x1f, 0x8b, 1, 2, 3, 255]);
      backends.main.handle((arrival) => {
        const status = Number(arrival.target.slice(1));
        if (status !== 200) return arrival.answer(status, [["X-Kept", "1"]]);
        const fields = [["Content-Encoding", "gzip"], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2, c"]] as const;
        return arrival.answer(200, fields, bytes);
      });
      const got = await client.ask({ path: "/200" });
      assert.deepEqual([got.fields["content-encoding"], got.fields["content-length"]], ["gzip", "6"]);
      assert.deepEqual(got.fields["set-cookie"], ["a=1", "b=2, c"]);
      assert.ok(got.body.equals(bytes));
      const head = await client.ask({ method: "HEAD", path: "/200" });
      assert.deepEqual([head.status, head.body.length, head.fields["content-length"]], [200, 0, "6"]);
      for (const status of [204, 304]) {
        const answer = await client.ask({ path: `/${status}` });
        assert.deepEqual([answer.status, answer.body.length, answer.fields["x-kept"], answer.code], [
          status,
          0,
          "1",
          0,
        ]);
      }
    },
  },
  {
    name: "http2: an answer that breaks off resets its stream and no other",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle((arrival) => {
        if (arrival.target === "/whole") return void arrival.answer(200, [], "whole");
        const framing = arrival.target === "/length" ? "Content-Length: 100" : "Transfer-Encoding: chunked";
        arrival.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n4\r\npart\r\n`);
        setTimeout(() => arrival.socket.destroy(), 50);
      });
      const broken = ["/length", "/chunks"].map((path) => client.ask({ path }));
      for (const answer of await Promise.all(broken)) {
        assert.equal(answer.status, 200);
        assert.notEqual(answer.code, 0, "the stream is reset");
      }
      assert.equal((await client.ask({ path: "/whole" })).body.toString(), "whole");
    },
  },
  {
    name: "http2: a stream that is reset ends the backend's work, and the connection goes on",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle((arrival) => {
        if (arrival.target === "/") void arrival.answer(200, [], "main");
        else if (arrival.target === "/body") arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
      });
      for (const [index, path] of ["/head", "/body"].entries()) {
        const stream = client.begin({ path });
        stream.on("error", () => {});
        const arrival = await backends.main.arrival(index);
        if (path === "/body") await once(stream, "data");
        stream.close(8);
        await within(8000, "the backend's connection to end", arrival.closed);
      }
      assert.equal((await client.ask()).body.toString(), "main");
    },
  },
  {
    name: "http2: an upload that is cancelled ends the backend's work, and the connection goes on",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      const stream = client.begin({ method: "POST", path: "/up", fields: { "content-length": 9 } }, true);
      stream.on("error", () => {});
      stream.write("hello");
      const { closed } = await backends.main.arrival(0);
      stream.close(8);
      await within(8000, "the backend's connection to end", closed);
      assert.equal((await client.ask()).status, 200);
    },
  },
  {
    name: "http2: trailers and an answer before the answer are passed on",
    only: withTls,
    gaps: { deno: "Deno's own server sends neither" },
    async run(context) {
      const { client, backends } = await open(context);
      backends.main.handle((arrival) =>
        arrival.write(
          "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" +
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n",
        )
      );
      const answer = await client.ask();
      assert.deepEqual([answer.status, answer.body.toString(), answer.code], [200, "body", 0]);
      assert.deepEqual(answer.interim, [103]);
      assert.equal(answer.trailers["x-sum"], "1");
    },
  },
  {
    name: "http2: gRPC is refused with 501 and a clear text",
    only: withTls,
    async run(context) {
      const { client, backends } = await open(context);
      for (const type of ["application/grpc", "application/grpc+proto"]) {
        const fields = { "content-type": type, te: "trailers" };
        const answer = await client.ask({ method: "POST", path: "/pkg.Service/Call", fields, body: "\0\0\0\0\0" });
        assert.equal(answer.status, 501);
        assert.match(answer.body.toString(), /gRPC/);
      }
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "http2: a head that is too large is refused, and the next one is served",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      for (const fields of [{ "x-long": "p".repeat(40_000) }, many(300, 100), { "x-long": "p".repeat(17_000) }]) {
        const client = await connectClient(port);
        context.onEnd(client.leave);
        const status = await client.ask({ path: "/large", fields }).then((answer) => answer.status, () => "reset");
        assert.ok(status === 431 || status === "reset", `${status}`);
      }
      const client = await connectClient(port);
      context.onEnd(client.leave);
      assert.equal((await client.ask({ fields: many(100, 50) })).status, 200);
      assert.deepEqual(backends.main.arrivals.map(({ target }) => target), ["/"]);
    },
  },
  {
    name: "http2: of 200 MB to a stalled reader little is taken, and others on the connection are served",
    only: withTls,
    skip: noMemory,
    timeoutMs: 40_000,
    async run(context) {
      const { client, backends, balancer } = await open(context);
      const chunk = Buffer.alloc(1 << 20, 97);
      let sent = 0;
      backends.main.handle(async (arrival) => {
        if (arrival.target === "/") return arrival.answer(200, [], "main");
        arrival.write(`HTTP/1.1 200 OK\r\nContent-Length: ${200 * chunk.length}\r\n\r\n`);
        for (let left = 200; left > 0 && !arrival.socket.destroyed; left--) {
          if (!arrival.socket.write(chunk)) {
            await Promise.race([once(arrival.socket, "drain"), once(arrival.socket, "close")]);
          }
          sent += chunk.length;
        }
      });
      const before = residentMebibytes(balancer.process.pid);
      const stream = client.begin({ path: "/big" });
      stream.on("error", () => {});
      await once(stream, "response");
      stream.pause();
      let last = -1;
      for (let quiet = 0; quiet < 5;) {
        quiet = sent === last ? quiet + 1 : 0;
        last = sent;
        assert.equal((await client.ask()).body.toString(), "main");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(sent < 30 << 20, `${sent >> 20} MiB were taken`);
      const grown = residentMebibytes(balancer.process.pid) - before;
      assert.ok(grown < 48, `memory grew by ${grown.toFixed(0)} MiB`);
      stream.close(8);
    },
  },
  {
    name: "http2: WebSockets pass through a listener with TLS, by HTTP/1.1",
    only: withTls,
    async run(context) {
      const backend = await context.backend(
        "main",
        accepting(async (side) => {
          side.say(opcode.text, (await side.message()).toString().toUpperCase());
        }),
      );
      const balancer = await context.start({
        listen: secureListen,
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const client = await openOn(await context.connect(balancer.port, { servername: "localhost" }));
      client.say(opcode.text, "hello");
      assert.equal((await within(8000, "the echo", client.message())).toString(), "HELLO");
      assert.deepEqual(backend.arrivals[0]?.all("x-forwarded-proto"), ["https"]);
    },
  },
  {
    name: "http2: a stream that names no stream, or the wrong one, ends its connection and no other",
    only: withTls,
    async run(context) {
      const { port } = await context.stage(secured);
      const client = await connectClient(port);
      context.onEnd(client.leave);
      for (
        const bytes of [
          frame(frameTypes.data, 0, 0, Buffer.from("x")),
          frame(frameTypes.headers, flags.endHeaders, 2, block(usual)),
          frame(frameTypes.settings, 0, 0, Buffer.alloc(5)),
          frame(frameTypes.headers, flags.endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
          reset(99),
          Buffer.from("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n"),
        ]
      ) {
        const raw = await connectHttp2(port);
        context.onEnd(raw.leave);
        await raw.send(bytes);
        const told = raw.frame(({ type }) => type === frameTypes.goaway, "a GOAWAY");
        await Promise.race([told.catch(() => {}), raw.ended]);
      }
      assert.equal((await client.ask()).status, 200);
    },
  },
];

const many = (count: number, length: number): NonNullable<Http2Request["fields"]> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-pad-${index}`, "p".repeat(length)]));
