import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { chunk } from "../../support/http1.ts";
import { noMemory, residentMebibytes } from "../../support/memory.ts";
import { exchange } from "../../support/raw-client.ts";
import { eventually, within } from "../../support/wait.ts";
import type { RunningBalancer } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

const mebibyte = 1024 * 1024;
const piece = randomBytes(mebibyte);

/** A backend that keeps nothing of what it is sent but the number of bytes and their checksum. */
async function createCounter(context: CaseContext): Promise<{ url: string; bytes(): number; sum(): number }> {
  let bytes = 0;
  let sum = 0;
  const server = createServer((request, response) => {
    request.on("data", (data: Buffer) => {
      bytes += data.length;
      sum = crc32(data, sum);
    });
    request.on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.onEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, bytes: () => bytes, sum: () => sum };
}

/** Uploads so many mebibytes, in chunks or with their length, and adds them to a checksum. */
async function upload(port: number, mebibytes: number, sum: number, chunked: boolean): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  const answer = new Promise<string>((resolve) => {
    socket.once("data", (data: Buffer) => resolve(data.toString("latin1").split("\r\n")[0]!));
    socket.once("close", () => resolve("closed"));
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${mebibytes * mebibyte}`;
  socket.write(`POST /up HTTP/1.1\r\nHost: balancer.test\r\n${framing}\r\n\r\n`);
  const part = chunked ? chunk(piece) : piece;
  for (let sent = 0; sent < mebibytes && !socket.destroyed; sent += 1) {
    sum = crc32(piece, sum);
    if (!socket.write(part)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  if (chunked) socket.write(chunk(""));
  assert.equal(await within(10_000, "the answer", answer), "HTTP/1.1 200 OK");
  socket.destroy();
  return sum;
}

/** The most memory that a balancer held while `run` ran, in mebibytes. */
async function mostWhile(balancer: RunningBalancer, run: () => Promise<void>): Promise<number> {
  let most = 0;
  const look = () => (most = Math.max(most, residentMebibytes(balancer.process.pid)));
  const timer = setInterval(look, 50);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  look();
  return most;
}

/** Until a count does not grow any more. */
async function standstill(count: () => number): Promise<void> {
  let last = -1;
  let still = 0;
  await eventually(20_000, "a standstill", async () => {
    still = count() === last ? still + 1 : 0;
    last = count();
    return still > 50 || undefined;
  });
}

const startOver = (context: CaseContext, url: string) =>
  context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    log: { access: false },
    pools: { web: { backends: [url], healthCheck: false } },
  });

/** What needs long or fills the machine: run for one runtime after the other. */
export const longCases: readonly ConformanceCase[] = [
  {
    name: "long: uploads of 256 MiB in chunks and of 1 GiB with its length arrive whole",
    timeoutMs: 120_000,
    async run(context) {
      const counter = await createCounter(context);
      const { port } = await startOver(context, counter.url);
      const sum = await upload(port, 1024, await upload(port, 256, 0, true), false);
      assert.deepEqual([counter.bytes(), counter.sum()], [1280 * mebibyte, sum]);
    },
  },
  {
    name: "long: an upload of 1 GiB takes no more memory than one of 256 MiB",
    skip: noMemory,
    timeoutMs: 120_000,
    async run(context) {
      const { url } = await createCounter(context);
      const balancer = await startOver(context, url);
      // What a runtime lets lie about before it collects garbage is there after the first, and grows no more.
      await upload(balancer.port, 1024, 0, false);
      const small = await mostWhile(balancer, async () => void (await upload(balancer.port, 256, 0, true)));
      const large = await mostWhile(balancer, async () => void (await upload(balancer.port, 1024, 0, false)));
      assert.ok(large - small < 64, `${small} MiB while 256 MiB went up, ${large} MiB while 1 GiB did`);
    },
  },
  {
    name: "long: 200 MB for a client that reads nothing hold the backend back, and take less than 32 MB of memory",
    skip: noMemory,
    async run(context) {
      let taken = 0;
      const main = await context.backend("main", async (arrival) => {
        if (arrival.target !== "/flood") return await arrival.answer(200, [], piece);
        arrival.write(`HTTP/1.1 200 OK\r\ncontent-length: ${200 * mebibyte}\r\n\r\n`);
        const next = () => void (taken < 200 && arrival.socket.write(piece, () => (taken += 1, next())));
        next();
      });
      const balancer = await startOver(context, main.url);
      for (let turn = 0; turn < 50; turn += 1) await exchange(balancer.port, { target: "/warm" });
      const before = residentMebibytes(balancer.process.pid);
      const client = await context.connect(balancer.port);
      client.pause();
      await client.send("GET /flood HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const most = await mostWhile(balancer, () => standstill(() => taken));
      assert.ok(taken < 60, `${taken} MiB were taken from the backend with nobody reading`);
      assert.ok(most - before < 32, `${before} MiB before, ${most} MiB with a stalled reader`);
    },
  },
  {
    name: "long: 200 MB for a backend that takes nothing hold the client back, and take less than 32 MB of memory",
    skip: noMemory,
    async run(context) {
      const main = await context.backend("main", async (arrival) => {
        if (arrival.target === "/flood") return void arrival.socket.pause();
        await arrival.answer(200);
      });
      const balancer = await startOver(context, main.url);
      for (let turn = 0; turn < 50; turn += 1) {
        await exchange(balancer.port, { method: "POST", target: "/warm", body: piece });
      }
      const before = residentMebibytes(balancer.process.pid);
      const client = await context.connect(balancer.port);
      await client.send(
        `POST /flood HTTP/1.1\r\nHost: balancer.test\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      await main.arrival(0);
      let taken = 0;
      const flood = async () => {
        for (; taken < 200; taken += 1) await client.send(chunk(piece));
      };
      const most = await mostWhile(balancer, () => {
        void flood();
        return standstill(() => taken);
      });
      assert.ok(taken < 60, `${taken} MiB were taken from the client with nobody reading`);
      assert.ok(most - before < 32, `${before} MiB before, ${most} MiB with a stalled backend`);
    },
  },
];
