import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket, WebSocketServer } from "ws";
import { ca, localhost } from "../../support/certificates.ts";
import { eventually, within } from "../../support/wait.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";
import { secureListen, withTls } from "../secured.ts";

const listening = async (context: CaseContext, server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

interface Form {
  readonly deflate?: boolean;
  /** With TLS on both sides of the balancer. */
  readonly secure?: boolean;
}

/** A balancer before a server of the ws package that says everything back, and closes with the code that it is told. */
const start = async (context: CaseContext, { deflate = true, secure = false }: Form = {}) => {
  const server = secure ? createSecureServer(localhost) : createServer();
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: deflate && { threshold: 0 },
    handleProtocols: (offered) => (offered.has("b") ? "b" : false),
  });
  const closes: { code: number; reason: string }[] = [];
  const pings: string[] = [];
  sockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => {
      const [word, code] = data.toString().split(" ");
      if (!isBinary && word === "close") socket.close(Number(code), "as you say");
      else if (!isBinary && word === "break") socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
    socket.on("ping", (data) => void pings.push(data.toString()));
    socket.on("close", (code, reason) => void closes.push({ code, reason: reason.toString() }));
  });
  context.onEnd(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  const backend = await listening(context, server);
  const { port } = await context.start({
    listen: secure ? secureListen : { port: 0, hostname: "127.0.0.1" },
    pools: {
      web: {
        backends: [`${secure ? "https" : "http"}://127.0.0.1:${backend}`],
        healthCheck: false,
        ...(secure && { tls: { ca } }),
      },
    },
    log: { access: false },
  });
  return { url: `${secure ? "wss" : "ws"}://127.0.0.1:${port}/socket`, closes, pings, sockets };
};

const open = async (context: CaseContext, url: string, protocols?: string[]) => {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: { threshold: 0 }, ca });
  context.onEnd(() => socket.terminate());
  socket.on("error", () => {});
  await within(8000, "an open WebSocket", once(socket, "open"));
  return socket;
};

/** What comes back for `message`. */
const echoed = async (socket: WebSocket, message: string | Buffer) => {
  const answer = once(socket, "message");
  socket.send(message);
  const [data, isBinary] = (await within(8000, "an echo", answer)) as [Buffer, boolean];
  return isBinary ? data : data.toString();
};

const closed = async (socket: WebSocket) => {
  const [code, reason] = (await within(8000, "a close", once(socket, "close"))) as [number, Buffer];
  return { code, reason: reason.toString() };
};

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const noChromium = chromium === undefined ? "there is no Chromium on this machine" : undefined;

/** What runs in the browser: tells what it saw by a POST. */
const script = (url: string) => `
  const told = {};
  const tell = () => fetch("/told", { method: "POST", body: JSON.stringify(told) });
  const open = (path, protocols) => new Promise((resolve, reject) => {
    const socket = new WebSocket(${JSON.stringify(url)} + path, protocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("no WebSocket"));
  });
  const next = (socket, kind) => new Promise((resolve) => (socket["on" + kind] = resolve));
  const run = async () => {
    const socket = await open("/one", ["a", "b"]);
    told.protocol = socket.protocol;
    socket.send("ä€😀");
    told.text = (await next(socket, "message")).data;
    const bytes = new Uint8Array(1 << 20).map((_, index) => index % 251);
    socket.send(bytes);
    const back = new Uint8Array((await next(socket, "message")).data);
    told.same = back.length === bytes.length && back.every((byte, index) => byte === bytes[index]);
    socket.send("");
    told.empty = (await next(socket, "message")).data;
    socket.send("close 4321");
    const closed = await next(socket, "close");
    told.close = [closed.code, closed.reason, closed.wasClean];
    const other = await open("/two");
    other.close(3456, "mine");
    told.mine = (await next(other, "close")).code;
    const broken = await open("/three");
    broken.send("break");
    told.broken = (await next(broken, "close")).code;
  };
  run().catch((error) => (told.error = String(error))).then(tell);
`;

export const webSocketEndCases: readonly ConformanceCase[] = [
  {
    name: "websocket: the ws package as client and as server, compressed where that passes",
    async run(context) {
      const { url, closes, pings } = await start(context);
      const socket = await open(context, url, ["a", "b"]);
      assert.equal(socket.protocol, "b");
      assert.equal(await echoed(socket, "ä€😀"), "ä€😀");
      assert.equal(await echoed(socket, ""), "");
      for (const length of [0, 1, 125, 126, 65_536, 1024 * 1024]) {
        const bytes = Buffer.alloc(length, "roundabout ");
        assert.ok(bytes.equals(await echoed(socket, bytes) as Buffer), `${length} bytes`);
      }
      const pong = once(socket, "pong");
      socket.ping("hello");
      assert.equal(String((await within(8000, "a pong", pong))[0]), "hello");
      await eventually(8000, "the ping at the server", async () => (pings.includes("hello") ? true : undefined));
      socket.close(4000, "enough");
      assert.equal((await closed(socket)).code, 4000);
      const [told] = await eventually(8000, "the server's close", async () => (closes.length > 0 ? closes : undefined));
      assert.deepEqual(told, { code: 4000, reason: "enough" });
    },
  },
  {
    name: "websocket: the ws package sees the codes that the other side closes with",
    async run(context) {
      const { url } = await start(context, { deflate: false });
      for (const code of [1000, 1001, 1011, 1013, 3000, 4999]) {
        const socket = await open(context, url);
        socket.send(`close ${code}`);
        assert.deepEqual(await closed(socket), { code, reason: "as you say" });
      }
      const socket = await open(context, url);
      socket.send("break");
      assert.equal((await closed(socket)).code, 1006);
    },
  },
  {
    name: "websocket: with TLS on both sides of the balancer, compression and pings too",
    only: withTls,
    async run(context) {
      const { url, closes, pings } = await start(context, { secure: true });
      const socket = await open(context, url, ["a", "b"]);
      assert.equal(socket.protocol, "b");
      assert.match(socket.extensions, /permessage-deflate/);
      assert.equal(await echoed(socket, "ä€😀"), "ä€😀");
      const bytes = Buffer.alloc(1024 * 1024, "roundabout ");
      assert.ok(bytes.equals(await echoed(socket, bytes) as Buffer));
      const pong = once(socket, "pong");
      socket.ping("hello");
      assert.equal(String((await within(8000, "a pong", pong))[0]), "hello");
      assert.deepEqual(pings, ["hello"]);
      socket.close(4000, "enough");
      assert.equal((await closed(socket)).code, 4000);
      await eventually(8000, "the server's close", async () => (closes.length > 0 ? true : undefined));
    },
  },
  {
    name: "websocket: many at once are told apart",
    async run(context) {
      const { url } = await start(context);
      const sockets = await Promise.all(Array.from({ length: 50 }, () => open(context, url)));
      for (let round = 0; round < 5; round++) {
        const echoes = await Promise.all(sockets.map((socket, index) => echoed(socket, `${index} in ${round}`)));
        assert.deepEqual(echoes, sockets.map((_, index) => `${index} in ${round}`));
      }
    },
  },
  {
    name: "websocket: a browser's, Chromium's",
    ...(noChromium && {
      gaps: { node: noChromium, bun: noChromium, deno: noChromium, workers: noChromium },
    }),
    timeoutMs: 60_000,
    async run(context) {
      const { url } = await start(context);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const page = createServer(async (request, response) => {
        if (request.method === "POST") {
          const chunks: Buffer[] = await request.toArray();
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        }
        response.setHeader("content-type", "text/html; charset=utf-8");
        response.end(request.url === "/" ? `<script>${script(url.replace("/socket", ""))}</script>` : "");
      });
      const port = await listening(context, page);
      const profile = mkdtempSync(join(tmpdir(), "chromium-"));
      const browser = spawn(chromium as string, [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        `--user-data-dir=${profile}`,
        `http://127.0.0.1:${port}/`,
      ], { stdio: "ignore", detached: true });
      context.onEnd(async () => {
        const gone = once(browser, "exit");
        process.kill(-(browser.pid as number), "SIGKILL");
        await gone;
        rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
      });
      assert.deepEqual(await within(45_000, "what the browser saw", promise), {
        protocol: "b",
        text: "ä€😀",
        same: true,
        empty: "",
        close: [4321, "as you say", true],
        mine: 3456,
        broken: 1006,
      });
    },
  },
];
