import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:tls";
import { encryptedKey, localhost, renewedShop, shop, wild } from "../../support/certificates.ts";
import { connectClient, exchangeHttp2 } from "../../support/http2-client.ts";
import { noMemory, residentMebibytes } from "../../support/memory.ts";
import { exchange } from "../../support/raw-client.ts";
import { connectHttp2, frameTypes, request } from "../../support/raw-http2.ts";
import { eventually, within } from "../../support/wait.ts";
import { launch, type RunningBalancer, temporaryFile } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";
import { portsOf, secured, secureListen, withTls } from "../secured.ts";

/** The certificate that is shown to who asks for this name, or for none. */
async function shownTo(port: number, servername: string | undefined): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...(servername && { servername }) });
  try {
    await within(8000, "a handshake", once(socket, "secureConnect"));
    return socket.getPeerX509Certificate()?.toString() ?? "";
  } finally {
    socket.destroy();
  }
}

const isShown = async (port: number, servername: string | undefined, { cert }: { cert: string }) =>
  assert.equal((await shownTo(port, servername)).trim(), cert.trim(), `to who asks for ${servername ?? "nothing"}`);

/** Puts a text in a file's place, as a whole. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** A balancer whose certificate for shop.test comes from files that can be changed. */
async function withFiles(context: CaseContext) {
  const backend = await context.backend("main");
  const [cert, key] = [temporaryFile("shop.pem", shop.cert), temporaryFile("shop.key", shop.key)];
  const tls = { ...localhost, sni: [{ name: "shop.test", cert, key }] };
  const balancer = await context.start({
    listen: { ...secureListen, tls },
    pools: { web: { backends: [backend.url], healthCheck: false } },
  });
  return { backend, balancer, cert, key };
}

const inForce = ({ waitForLog }: RunningBalancer) =>
  waitForLog((_, text) => text.includes("new certificates are in force"), "word of new certificates");

/** Starts with these listeners, which must not succeed; gives back how it ended and what it said. */
async function refusal(context: CaseContext, listen: unknown, pool: Record<string, unknown> = {}) {
  const web = { backends: ["http://127.0.0.1:1"], healthCheck: false, ...pool };
  const config = JSON.stringify({ listen, pools: { web } }, undefined, 2);
  const process = launch(context.runtime, temporaryFile("roundabout.json", config));
  context.onEnd(() => process.end());
  const exit = await within(15_000, "the end", process.exit);
  return { code: exit.code, said: process.lines().join("\n") + process.errors() };
}

/** A listener that redirects beside one with TLS, and a backend that nothing should reach. */
async function redirecting(context: CaseContext) {
  const backend = await context.backend("main");
  const balancer = await context.start({
    listen: [{ port: 0, hostname: "127.0.0.1", redirect: "https" }, secureListen],
    pools: { web: { backends: [backend.url], healthCheck: false } },
  });
  return { backend, balancer };
}

export const tlsCases: readonly ConformanceCase[] = [
  {
    name: "tls: HTTP/1.1 and HTTP/2 by ALPN, and the backend is told https and the port",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      const first = await exchange(port, { servername: "localhost", target: "/a?b" });
      const second = await exchangeHttp2(port, { path: "/a?b" });
      assert.deepEqual([first.status, second.status], [200, 200]);
      assert.deepEqual([first.body.toString(), second.body.toString()], ["main", "main"]);
      for (const arrival of backends.main.arrivals) {
        assert.equal(arrival.target, "/a?b");
        assert.deepEqual(arrival.all("x-forwarded-proto"), ["https"]);
        assert.deepEqual(arrival.all("x-forwarded-port"), [`${port}`]);
        assert.deepEqual(arrival.all("x-forwarded-for"), ["127.0.0.1"]);
        assert.deepEqual(arrival.all("x-forwarded-host"), ["balancer.test"]);
        assert.deepEqual(arrival.all("via"), ["1.1 roundabout"]);
      }
    },
  },
  {
    name: "tls: bytes beyond ASCII in fields pass in both directions, by HTTP/1.1",
    only: withTls,
    async run(context) {
      const { port, backends } = await context.stage(secured);
      backends.main.handle((arrival) => arrival.answer(200, [["X-Name", "caf\u00e9"]], "x"));
      const answer = await exchange(port, { servername: "localhost", fields: [["X-Name", "na\u00efve"]] });
      assert.deepEqual([answer.field("x-name"), backends.main.arrivals[0]?.field("x-name")], [
        "caf\u00e9",
        "na\u00efve",
      ]);
    },
  },
  {
    name: "tls: SNI chooses the certificate, a name that is not listed gets the listener's own",
    only: withTls,
    async run(context) {
      const backend = await context.backend("main");
      const sni = [{ name: "shop.test", ...shop }, { name: "*.wild.test", ...wild }];
      const { port } = await context.start({
        listen: { ...secureListen, tls: { ...localhost, sni } },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      await isShown(port, "shop.test", shop);
      await isShown(port, "SHOP.test", shop);
      await isShown(port, "a.wild.test", wild);
      await isShown(port, "b.a.wild.test", wild);
      for (const other of ["wild.test", "a.shop.test", "localhost", undefined]) await isShown(port, other, localhost);
      assert.equal((await exchange(port, { servername: "shop.test" })).status, 200);
    },
  },
  {
    name: "tls: changed files are in force without a restart, and nothing in flight is cut",
    only: withTls,
    timeoutMs: 30_000,
    async run(context) {
      const { backend, balancer, cert, key } = await withFiles(context);
      const { port } = balancer;
      await isShown(port, "shop.test", shop);
      const client = await connectClient(port, "shop.test");
      context.onEnd(client.leave);
      const kept = await context.connect(port, { servername: "shop.test" });
      backend.handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwa"));
      const stream = client.begin({ path: "/slow" });
      stream.setEncoding("utf8");
      assert.deepEqual(await once(stream, "data"), ["wa"]);
      await kept.send("GET /slow HTTP/1.1\r\nHost: shop.test\r\n\r\n");
      const slow = await backend.arrival(1);

      replace(key, renewedShop.key);
      replace(cert, renewedShop.cert);
      await inForce(balancer);
      await isShown(port, "shop.test", renewedShop);
      await isShown(port, "other.test", localhost);

      for (const arrival of [await backend.arrival(0), slow]) arrival.write("it");
      assert.deepEqual(await once(stream, "data"), ["it"]);
      assert.equal((await kept.response()).body.toString(), "wait");
      backend.reset();
      assert.equal((await client.ask()).body.toString(), "main", "on the connection from before");
    },
  },
  {
    name: "tls: of files that cannot be used one warning is given, and the certificate before stays",
    only: withTls,
    timeoutMs: 30_000,
    async run(context) {
      const { balancer, cert, key } = await withFiles(context);
      replace(cert, renewedShop.cert);
      replace(key, renewedShop.key.slice(0, 100));
      const told = (_: unknown, text: string) => text.includes("cannot be used") && text.includes("stays");
      await balancer.waitForLog(told, "the warning");
      await isShown(balancer.port, "shop.test", shop);
      replace(key, renewedShop.key);
      await inForce(balancer);
      await isShown(balancer.port, "shop.test", renewedShop);
      assert.equal(balancer.logs().filter((line) => told(line, JSON.stringify(line))).length, 1);
    },
  },
  {
    name: "tls: the certificate of the listener itself is followed too",
    only: withTls,
    timeoutMs: 30_000,
    async run(context) {
      const backend = await context.backend("main");
      const [cert, key] = [temporaryFile("own.pem", shop.cert), temporaryFile("own.key", shop.key)];
      const balancer = await context.start({
        listen: { ...secureListen, tls: { cert, key } },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      await isShown(balancer.port, undefined, shop);
      replace(cert, renewedShop.cert);
      replace(key, renewedShop.key);
      await inForce(balancer);
      await isShown(balancer.port, undefined, renewedShop);
      await isShown(balancer.port, "any.test", renewedShop);
    },
  },
  {
    name: "tls: a file that is missing or not what it should be ends the start with 2 and its field",
    only: withTls,
    timeoutMs: 40_000,
    async run(context) {
      const cut = localhost.key.slice(0, 100);
      const missing = await refusal(context, {
        ...secureListen,
        tls: { cert: "/nowhere/cert.pem", key: localhost.key },
      });
      assert.equal(missing.code, 2, missing.said);
      assert.match(missing.said, /roundabout\.json:\d+:\d+: listen\.tls\.cert: .*\/nowhere\/cert\.pem": no such file/);

      const many = await refusal(context, [secureListen, {
        ...secureListen,
        tls: {
          cert: temporaryFile("none.pem", "nothing\n"),
          key: cut,
          sni: [{ name: "a.test", ...shop, key: wild.key }, { name: "b.test", ...wild, key: encryptedKey }],
        },
      }], { tls: { ca: "/nowhere/ca.pem", cert: shop.cert, key: wild.key } });
      assert.equal(many.code, 2, many.said);
      for (
        const words of [
          /listen\[1\]\.tls\.cert: expected a certificate in PEM, found .*none\.pem": no certificate/,
          /listen\[1\]\.tls\.key: expected a private key in PEM, not encrypted, found one that cannot be read/,
          /listen\[1\]\.tls\.sni\[0\]\.key: expected the private key of the certificate, found another one/,
          /listen\[1\]\.tls\.sni\[1\]\.key: expected a private key in PEM, not encrypted, found an encrypted one/,
          /pools\.web\.tls\.ca: .*\/nowhere\/ca\.pem": no such file/,
          /pools\.web\.tls\.key: expected the private key of the certificate/,
        ]
      ) assert.match(many.said, words);
      assert.doesNotMatch(many.said, /listen\[0\]|^\s+at .*:\d+:\d+/m);
      assert.ok(!many.said.includes(cut.split("\n")[1]!), "no word of a key");
    },
  },
  {
    name: "tls: Workers have no listeners and no certificates of their own",
    only: ["workers"],
    async run(context) {
      const { code, said } = await refusal(context, secureListen, {
        protocol: "h2",
        tls: { insecureSkipVerify: true },
      });
      assert.equal(code, 2, said);
      for (const path of ["listen.tls", "pools.web.tls", "pools.web.protocol"]) assert.ok(said.includes(path), said);
      const several = await refusal(context, [{ port: 0 }, { port: 0 }]);
      assert.equal(several.code, 2, several.said);
      assert.match(several.said, /listen\[1\]/);
    },
  },
  {
    name: "tls: several listeners serve side by side, each under its own port",
    only: withTls,
    async run(context) {
      const backend = await context.backend("main");
      const plain = { port: 0, hostname: "127.0.0.1" };
      const balancer = await context.start({
        listen: [plain, secureListen, secureListen],
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const ports = await portsOf(balancer) as [number, number, number];
      assert.equal(new Set(ports).size, 3);
      await exchange(ports[0]);
      await exchange(ports[1], { servername: "localhost" });
      await exchangeHttp2(ports[2]);
      const seen = backend.arrivals.map((arrival) => [
        arrival.field("x-forwarded-proto"),
        Number(arrival.field("x-forwarded-port")),
      ]);
      assert.deepEqual(seen, [["http", ports[0]], ["https", ports[1]], ["https", ports[2]]]);
    },
  },
  {
    name: "tls: a taken port of any listener ends the start with 1 and that port",
    only: withTls,
    async run(context) {
      const taken = await context.backend();
      for (const second of [{ ...secureListen, port: taken.port }, { port: taken.port, hostname: "127.0.0.1" }]) {
        const { code, said } = await refusal(context, [secureListen, second]);
        assert.equal(code, 1, said);
        assert.match(said, new RegExp(`port ${taken.port} .*taken`));
        assert.doesNotMatch(said, /^\s+at .*:\d+:\d+/m, "no stack");
      }
    },
  },
  {
    name: "tls: a listener that redirects sends everybody to https and nothing to a backend",
    only: withTls,
    async run(context) {
      const { backend, balancer } = await redirecting(context);
      const [port, securePort] = await portsOf(balancer) as [number, number];
      const locationOf = async (host: string, target: string, method = "GET") => {
        const response = await exchange(port, { host, target, method, ...(method === "POST" && { body: "form" }) });
        assert.equal(response.status, 308, `${method} ${host} ${target}`);
        assert.equal(response.body.length, 0);
        return response.field("location");
      };
      const at = (host: string) => `https://${host}:${securePort}`;
      assert.equal(await locationOf("shop.test", "/a/b?c=d&e"), `${at("shop.test")}/a/b?c=d&e`);
      assert.equal(await locationOf("shop.test:8080", "/"), `${at("shop.test")}/`);
      assert.equal(await locationOf("[::1]:80", "/x", "HEAD"), `${at("[::1]")}/x`);
      assert.equal(await locationOf("shop.test", "/form", "POST"), `${at("shop.test")}/form`);
      // A path of two slashes is a path, and no other host.
      assert.equal(await locationOf("shop.test", "//evil.test/x"), `${at("shop.test")}//evil.test/x`);
      assert.equal(await locationOf("shop.test", "/_roundabout/livez"), `${at("shop.test")}/_roundabout/livez`);

      const refused = ["u@evil.test", "shop.test/x", "shop.test:80@evil.test", "a b", "shop.test#", "shop.test\\x"];
      for (const host of refused) {
        const response = await exchange(port, { host });
        assert.equal(response.status, 400, host);
        assert.equal(response.field("location"), undefined);
      }
      assert.equal(backend.connections(), 0);
    },
  },
  {
    name: "tls: without a Host there is no place to redirect to",
    only: withTls,
    async run(context) {
      const { balancer } = await redirecting(context);
      for (const head of ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n"]) {
        const client = await context.connect((await portsOf(balancer))[0]!);
        await client.send(head);
        const answered = await client.response().catch(() => undefined);
        assert.ok(answered === undefined || answered.status >= 400, `${answered?.status} to ${head}`);
      }
    },
  },
  {
    name: "tls: of 200 MB to a stalled reader little is taken, and of 200 MB to a stalled backend, by HTTP/1.1",
    only: withTls,
    skip: noMemory,
    timeoutMs: 60_000,
    async run(context) {
      const { backends, balancer, connect } = await context.stage(secured);
      const chunk = Buffer.alloc(1 << 20, 97);
      const memory = () => residentMebibytes(balancer.process.pid);
      /** Writes as much as is taken, and gives back how many mebibytes that was when it stood still. */
      const fill = async (write: (bytes: Buffer) => Promise<unknown>) => {
        const state = { taken: 0 };
        const filling = (async () => {
          for (; state.taken < 200; state.taken++) await write(chunk);
        })();
        filling.catch(() => {});
        let [last, quiet] = [-1, 0];
        while (quiet < 10 && state.taken < 200) {
          quiet = state.taken === last ? quiet + 1 : 0;
          last = state.taken;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return state.taken;
      };
      const before = memory();

      backends.main.handle(() => {});
      const reader = await connect({ servername: "localhost" });
      await reader.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const answering = await backends.main.arrival(0);
      answering.write(`HTTP/1.1 200 OK\r\nContent-Length: ${200 * chunk.length}\r\n\r\n`);
      await reader.head();
      reader.pause();
      const answered = await fill((bytes) => new Promise((resolve) => answering.socket.write(bytes, resolve)));
      assert.ok(answered < 40, `${answered} MiB of an answer were taken`);

      const writer = await connect({ servername: "localhost" });
      await writer.send(`POST / HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: ${200 * chunk.length}\r\n\r\n`);
      (await backends.main.arrival(1)).socket.pause();
      const uploaded = await fill((bytes) => writer.send(bytes));
      assert.ok(uploaded < 40, `${uploaded} MiB of an upload were taken`);
      const grown = memory() - before;
      assert.ok(grown < 80, `memory grew by ${grown.toFixed(0)} MiB`);
    },
  },
  {
    name: "tls: at the end what is in flight ends by HTTP/1.1 and HTTP/2, and nobody new comes in",
    only: withTls,
    async run(context) {
      const backend = await context.backend(
        "main",
        (arrival) => arrival.target === "/slow" ? undefined : arrival.answer(200, [], "main"),
      );
      const balancer = await context.start({
        listen: secureListen,
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const { port } = balancer;
      const idle = await connectClient(port);
      context.onEnd(idle.leave);
      await idle.ask();
      const idleFirst = await context.connect(port, { servername: "localhost" });
      await idleFirst.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await idleFirst.response();
      const silent = await context.connect(port);
      const first = exchange(port, { servername: "localhost", target: "/slow" });
      await backend.arrival(2);
      const second = await connectHttp2(port);
      context.onEnd(second.leave);
      await second.send(request(1, { path: "/slow" }));
      const slow = [await backend.arrival(2), await backend.arrival(3)];

      const stopped = balancer.stop();
      const idleSession = idle.session.destroyed || once(idle.session, "close");
      await within(8000, "the idle connections' end", Promise.all([idleFirst.ended, idleSession]));
      await eventually(
        8000,
        "a closed port",
        () => context.connect(port).then(() => undefined, () => Promise.resolve(true as const)),
      );
      for (const arrival of slow) await arrival.answer(200, [], "late");
      assert.equal((await first).body.toString(), "late");
      await second.frame(({ type, flags }) => type === frameTypes.data && (flags & 1) === 1, "the answer's end");
      const bytes = second.frames().filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload);
      assert.equal(Buffer.concat(bytes).toString(), "late");
      assert.ok(second.frames().some(({ type }) => type === frameTypes.goaway), "told that no more is taken");
      second.leave();
      assert.deepEqual(await stopped, { code: 0, signal: null });
      await silent.ended;
    },
  },
  {
    name: "tls: a body without an announced end that breaks off is cut off for a client of HTTP/1.0, and harms nobody",
    only: withTls,
    async run(context) {
      const { connect, exchange, backends } = await context.stage(secured);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        arrival.socket.end();
      });
      const client = await connect({ servername: "localhost" });
      await client.send("GET / HTTP/1.0\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.head()).status, 200);
      await within(8000, "its end", client.ended);
      backends.main.reset();
      assert.equal((await exchange({ servername: "localhost" })).status, 200);
    },
  },
  {
    name: "tls: connections between two requests are ended after the idle time, those with one in flight are not",
    only: withTls,
    async run(context) {
      const backend = await context.backend(
        "main",
        (arrival) => arrival.target === "/slow" ? undefined : arrival.answer(200, [], "main"),
      );
      const { port } = await context.start({
        listen: secureListen,
        limits: { idleTimeout: "300ms" },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const first = await context.connect(port, { servername: "localhost" });
      await first.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await first.response();
      const silent = await connectClient(port);
      const second = await connectClient(port);
      const busy = await connectClient(port);
      for (const client of [silent, second, busy]) context.onEnd(client.leave);
      await second.ask();
      const slow = busy.ask({ path: "/slow" });
      const arrival = await backend.arrival(2);
      const ends = [silent, second].map(({ session }) => session.destroyed || once(session, "close"));
      await within(8000, "the idle connections' end", Promise.all([first.ended, ...ends]));
      assert.equal(busy.session.closed, false);
      await arrival.answer(200, [], "late");
      assert.equal((await slow).body.toString(), "late");
    },
  },
  {
    name: "tls: connections that never finish a handshake or a head are ended, and serve nobody else late",
    only: withTls,
    timeoutMs: 40_000,
    async run(context) {
      const backend = await context.backend("main");
      const balancer = await context.start({
        listen: secureListen,
        limits: { headTimeout: "1s" },
        pools: { web: { backends: [backend.url], healthCheck: false } },
      });
      const silent = await context.connect(balancer.port);
      const half = await context.connect(balancer.port);
      await half.send(Buffer.from([22, 3, 1, 2, 0, 1]));
      const noTls = await context.connect(balancer.port);
      await noTls.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const slow = await context.connect(balancer.port, { servername: "localhost" });
      await slow.send("GET / HTTP/1.1\r\nHost: bal");
      assert.equal((await exchange(balancer.port, { servername: "localhost" })).status, 200);
      await within(30_000, "their ends", Promise.all([silent.ended, half.ended, noTls.ended, slow.ended]));
      assert.equal(backend.arrivals.length, 1);
    },
  },
];
