import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import { createSecureServer, createServer as createHttp2Server, type Http2ServerRequest } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { ca, client, localhost, otherCa, shop } from "../../support/certificates.ts";
import { noMemory, residentMebibytes } from "../../support/memory.ts";
import { exchange } from "../../support/raw-client.ts";
import { field, flags, frame, frameTypes, settings } from "../../support/raw-http2.ts";
import { createRawHttp2Backend, headOf } from "../../support/raw-http2-backend.ts";
import { eventually, within } from "../../support/wait.ts";
import { ready } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";
import type { RuntimeName } from "../runtimes.ts";
import { withTls } from "../secured.ts";

const listen = { port: 0, hostname: "127.0.0.1" };
const withHttp2: readonly RuntimeName[] = ["node", "bun"];

/** What a backend saw of a request. */
interface Seen {
  readonly version: string;
  readonly target: string;
  /** The name that was asked for by SNI. */
  readonly servername: string | false | null | undefined;
  readonly host: string | undefined;
  readonly fields: IncomingMessage["headers"];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A backend of Node's own, that notes what it sees and answers with the version. */
async function startBackend(
  context: CaseContext,
  create: (answer: Answer) => Server,
  answer: Answer = ({ httpVersion }, response) => void response.end(httpVersion),
) {
  const seen: Seen[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server = create((request, response) => {
    const { socket, httpVersion, url = "", headers } = request;
    const { servername } = socket as TLSSocket;
    const host = headers.host ?? (headers[":authority"] as string | undefined);
    if (url !== "/health") seen.push({ version: httpVersion, target: url, servername, host, fields: headers });
    answer(request, response);
  });
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.on("tlsClientError", () => {});
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, seen, connections: () => connections };
}

const https = (options: object = {}) => (answer: Answer) => createHttpsServer({ ...localhost, ...options }, answer);
const h2 = (answer: Answer) =>
  createSecureServer(localhost, answer as unknown as (request: Http2ServerRequest) => void) as unknown as Server;
const h2c = (answer: Answer) =>
  createHttp2Server(answer as unknown as (request: Http2ServerRequest) => void) as unknown as Server;

/** A balancer over one pool of one backend, and what it answers. */
async function through(context: CaseContext, url: string, pool: Record<string, unknown>) {
  const balancer = await context.start({
    listen,
    pools: { web: { backends: [url], healthCheck: false, retry: { attempts: 0 }, ...pool } },
  });
  return { balancer, ask: (options = {}) => exchange(balancer.port, options) };
}

export const backendTlsCases: readonly ConformanceCase[] = [
  {
    name: "backend tls: a CA of one's own is believed, and asked for is the backend's name, whatever Host is sent on",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https());
      for (const host of ["upstream", "preserve", "other.test"]) {
        const url = `https://localhost:${backend.port}`;
        const { ask } = await through(context, url, { host, tls: { ca } });
        const answer = await ask({ host: "client.test", target: "/a" });
        assert.deepEqual([answer.status, answer.body.toString()], [200, "1.1"]);
      }
      assert.deepEqual(backend.seen.map(({ servername }) => servername), ["localhost", "localhost", "localhost"]);
      const hosts = [`localhost:${backend.port}`, "client.test", "other.test"];
      assert.deepEqual(backend.seen.map(({ host }) => host), hosts);
    },
  },
  {
    name: "backend tls: an address is compared with the certificate, and not asked for by name",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https());
      const { ask } = await through(context, `https://127.0.0.1:${backend.port}`, { tls: { ca } });
      assert.equal((await ask()).status, 200);
      assert.ok(!backend.seen[0]?.servername);
      const other = await startBackend(context, https(shop));
      const refused = await through(context, `https://127.0.0.1:${other.port}`, { tls: { ca } });
      assert.equal((await refused.ask()).status, 502);
    },
  },
  {
    name:
      "backend tls: a certificate of nobody we know, or for another name, is a 502 tls_protocol_error, and nothing is sent",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https());
      const named = await startBackend(context, https(shop));
      for (
        const [{ port }, tls] of [
          [backend, { ca: otherCa }],
          [backend, {}],
          [backend, undefined],
          [named, { ca }],
          [backend, { ca, serverName: "shop.test" }],
        ] as const
      ) {
        const { ask } = await through(context, `https://localhost:${port}`, tls === undefined ? {} : { tls });
        const answer = await ask({ method: "POST", body: "secret" });
        assert.equal(answer.status, 502);
        assert.match(answer.field("proxy-status") ?? "", /error=tls_protocol_error/);
      }
      assert.deepEqual([backend.seen, named.seen], [[], []]);
    },
  },
  {
    name: "backend tls: serverName is asked for and looked for in the place of the backend's name",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https(shop));
      const { ask } = await through(context, `https://127.0.0.1:${backend.port}`, {
        tls: { ca, serverName: "shop.test" },
      });
      assert.equal((await ask()).status, 200);
      assert.equal(backend.seen[0]?.servername, "shop.test");
      assert.equal(backend.seen[0]?.host, `127.0.0.1:${backend.port}`);
    },
  },
  {
    name: "backend tls: insecureSkipVerify takes any certificate",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https(shop));
      const { ask } = await through(context, `https://localhost:${backend.port}`, {
        tls: { insecureSkipVerify: true },
      });
      assert.equal((await ask()).status, 200);
      assert.equal(backend.seen[0]?.servername, "localhost");
    },
  },
  {
    name: "backend tls: a client certificate is shown to a backend that asks for one",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https({ requestCert: true, rejectUnauthorized: true, ca }));
      const url = `https://localhost:${backend.port}`;
      const known = await through(context, url, { tls: { ca, ...client } });
      assert.equal((await known.ask()).status, 200);
      const stranger = await through(context, url, { tls: { ca } });
      assert.equal((await stranger.ask()).status, 502);
      assert.equal(backend.seen.length, 1);
    },
  },
  {
    name: "backend tls: health checks connect and know the backend as requests do",
    only: withTls,
    async run(context) {
      const backend = await startBackend(context, https());
      const url = `https://localhost:${backend.port}`;
      const healthCheck = { path: "/health", interval: "200ms", timeout: "150ms" };
      const good = await through(context, url, { tls: { ca }, healthCheck });
      await ready(good.balancer.port);
      assert.equal((await good.ask()).status, 200);
      const bad = await through(context, url, { tls: { ca: otherCa }, healthCheck });
      await ready(bad.balancer.port);
      assert.equal((await bad.ask()).status, 503);
      await bad.balancer.waitForLog((_, text) => text.includes("DOWN") && text.includes("no secure connection"), "why");
    },
  },
  {
    name: "backend tls: of 200 MB to a stalled reader little is taken from the backend",
    only: withTls,
    skip: noMemory,
    timeoutMs: 40_000,
    async run(context) {
      const chunk = Buffer.alloc(1 << 20, 97);
      let sent = 0;
      const backend = await startBackend(context, https(), (_, response) => {
        response.writeHead(200, { "content-length": 200 * chunk.length });
        const go = () => {
          while (sent < 200 * chunk.length) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once("drain", go);
          }
          response.end();
        };
        go();
      });
      const { balancer } = await through(context, `https://localhost:${backend.port}`, { tls: { ca } });
      const reader = await context.connect(balancer.port);
      await reader.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const before = residentMebibytes(balancer.process.pid);
      await reader.head();
      reader.pause();
      let last = -1;
      for (let quiet = 0; quiet < 10; last = sent) {
        quiet = sent === last ? quiet + 1 : 0;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(sent < 40 << 20, `${sent >> 20} MiB were taken`);
      const grown = residentMebibytes(balancer.process.pid) - before;
      assert.ok(grown < 48, `memory grew by ${grown.toFixed(0)} MiB`);
      reader.resume();
      await eventually(15_000, "the rest", () => Promise.resolve(sent === 200 * chunk.length ? true : undefined));
    },
  },
  ...([["h2", h2, "https"], ["h2c", h2c, "http"]] as const).map(([protocol, create, scheme]): ConformanceCase => ({
    name: `backend ${protocol}: is spoken to by HTTP/2, on one connection for all requests`,
    only: withHttp2,
    async run(context) {
      const backend = await startBackend(context, create, (request, response) => {
        let bytes = 0;
        request.on("data", (chunk: Buffer) => (bytes += chunk.length));
        request.on("end", () => response.end(`${request.httpVersion} ${request.method} ${request.url} ${bytes}`));
      });
      const url = `${scheme}://localhost:${backend.port}/base`;
      const tls = protocol === "h2" ? { tls: { ca } } : {};
      const healthCheck = { path: "/health", interval: "1h" };
      const { balancer, ask } = await through(context, url, { protocol, ...tls, healthCheck });
      await ready(balancer.port);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => ask({ target: `/${index}?q=%2F//x`, fields: [["Cookie", "a=1"]] })),
      );
      const expected = answers.map((_, index) => `2.0 GET /base/${index}?q=%2F//x 0`);
      assert.deepEqual(answers.map(({ body }) => body.toString()), expected);
      const posted = await ask({ method: "POST", body: Buffer.alloc(300_000) });
      assert.equal(posted.body.toString(), "2.0 POST /base/ 300000");
      assert.equal(backend.connections(), 2, "one for the check, one for the rest");
      const { host, fields } = backend.seen[0]!;
      assert.equal(host, `localhost:${backend.port}`);
      assert.deepEqual([fields["x-forwarded-for"], fields["x-forwarded-proto"]], ["127.0.0.1", "http"]);
      assert.deepEqual([fields["cookie"], fields["via"]], ["a=1", "1.1 roundabout"]);
    },
  })),
  {
    name: "backend h2: one that does not speak it, or is not known, is a 502",
    only: withHttp2,
    async run(context) {
      const first = await startBackend(context, https({ ALPNProtocols: ["http/1.1"] }));
      const second = await startBackend(context, h2);
      for (const [{ port }, tls] of [[first, { ca }], [second, { ca: otherCa }]] as const) {
        const { ask } = await through(context, `https://localhost:${port}`, {
          protocol: "h2",
          tls,
          timeouts: { connect: "1s" },
        });
        const { status } = await ask();
        assert.ok(status === 502 || status === 504, `${status}`);
      }
      assert.deepEqual([first.seen, second.seen], [[], []]);
    },
  },
  {
    name: "backend h2c: a POST that its GOAWAY had not seen is sent again, one that it may have seen is not",
    only: withHttp2,
    async run(context) {
      let posts = 0;
      const backend = await createRawHttp2Backend((stream, write) => {
        if (++posts === 1) write(frame(frameTypes.goaway, 0, 0, Buffer.alloc(8))); // it has looked at none
        else if (posts === 2) {
          write(headOf(stream), frame(frameTypes.data, flags.endStream, stream, Buffer.from("done")));
        } else write(frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 2])));
      });
      context.onEnd(() => backend.close());
      const { ask } = await through(context, backend.url, { protocol: "h2c" });
      const first = await ask({ method: "POST", body: "form" });
      assert.deepEqual([first.status, first.body.toString(), posts], [200, "done", 2]);
      assert.equal((await ask({ method: "POST", body: "form" })).status, 502);
      assert.equal(posts, 3);
    },
  },
  {
    name: "backend h2c: an answer that is reset, or is shorter than announced, is visible as broken",
    only: withHttp2,
    async run(context) {
      const backend = await createRawHttp2Backend((stream, write, number) => {
        const part = frame(frameTypes.data, number === 2 ? flags.endStream : 0, stream, Buffer.from("part"));
        const announced = number === 0 ? [] : [field("content-length", "100")];
        const end = number === 2 ? [] : [frame(frameTypes.reset, 0, stream, Buffer.alloc(4))]; // as if nothing were wrong
        write(headOf(stream, announced), part, ...end);
      });
      context.onEnd(() => backend.close());
      const { ask } = await through(context, backend.url, { protocol: "h2c" });
      for (let turn = 0; turn < 3; turn++) {
        // Bun breaks off within the head, if it is early enough.
        const whole = await ask().then(({ complete }) => complete, () => false);
        assert.equal(whole, false, `${turn}`);
      }
    },
  },
  {
    name: "backend h2c: a client that leaves resets its stream, and the connection goes on",
    only: withHttp2,
    async run(context) {
      let left: string | undefined;
      const backend = await startBackend(context, h2c, (request, response) => {
        if (request.url === "/") return void response.end("ok");
        response.on("close", () => (left = request.url));
        if (request.url === "/body") response.write("part");
      });
      const { balancer, ask } = await through(context, `http://127.0.0.1:${backend.port}`, { protocol: "h2c" });
      for (const target of ["/head", "/body"]) {
        const reader = await context.connect(balancer.port);
        await reader.send(`GET ${target} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`);
        if (target === "/body") await reader.head();
        await eventually(
          8000,
          "the request",
          () => Promise.resolve(backend.seen.some((one) => one.target === target) ? true : undefined),
        );
        reader.leave();
        await eventually(8000, "its end", () => Promise.resolve(left === target ? true : undefined));
      }
      assert.equal((await within(8000, "another answer", ask())).body.toString(), "ok");
      assert.equal(backend.connections(), 1);
    },
  },
  {
    name: "backend h2c: SETTINGS of few streams are kept to, further requests get connections of their own",
    only: withHttp2,
    async run(context) {
      let most = 0;
      const open = new Map<number, Set<number>>();
      const backend = await createRawHttp2Backend((stream, write, _number, connection) => {
        const streams = open.get(connection) ?? new Set();
        open.set(connection, streams.add(stream));
        most = Math.max(most, streams.size);
        setTimeout(() => {
          streams.delete(stream);
          write(headOf(stream), frame(frameTypes.data, flags.endStream, stream, Buffer.from("ok")));
        }, 20);
      }, settings({ 3: 4 }));
      context.onEnd(() => backend.close());
      const { ask } = await through(context, backend.url, { protocol: "h2c" });
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.ok(most <= 4, `${most} streams at once`);
      assert.ok(open.size >= 5, `${open.size} connections`);
    },
  },
  {
    name: "backend h2: Deno does not, and says why",
    only: ["deno"],
    async run(context) {
      const { launch, temporaryFile } = await import("../balancer.ts");
      const config = { listen, pools: { web: { backends: ["http://127.0.0.1:1"], protocol: "h2c" } } };
      const process = launch(context.runtime, temporaryFile("roundabout.json", JSON.stringify(config)));
      context.onEnd(() => process.end());
      const { code } = await within(15_000, "the end", process.exit);
      assert.equal(code, 2);
      assert.match(process.errors(), /pools\.web\.protocol: expected "http1" on deno, found "h2c"; .*GOAWAY/);
    },
  },
];
