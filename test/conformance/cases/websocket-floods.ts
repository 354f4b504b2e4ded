import assert from "node:assert/strict";
import { isTold, residentOf } from "../../hostile/process-tree.ts";
import { closeOf, frame, opcode } from "../../support/frames.ts";
import { accepting, openOn, type RawWebSocket } from "../../support/raw-websocket.ts";
import { eventually, within } from "../../support/wait.ts";
import { ready } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

const messageBytes = 64 * 1024;
const messages = 1600; // 100 MiB
const mebibyte = 1024 * 1024;

/** A balancer of its own, because its memory is looked at, with a client and a backend that are joined through it. */
const join = async (context: CaseContext) => {
  const { promise, resolve } = Promise.withResolvers<RawWebSocket>();
  const backend = await context.backend("main", accepting(resolve));
  const balancer = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends: [backend.url], healthCheck: false } },
  });
  await ready(balancer.port);
  const connection = await context.connect(balancer.port);
  const client = await openOn(connection);
  const side = await promise;
  // What a first large message costs is no leak.
  for (const [from, to] of [[client, side], [side, client]] as const) {
    from.say(opcode.binary, Buffer.alloc(mebibyte));
    await to.message();
  }
  return { client, connection, backend: side, arrival: await backend.arrival(0), pid: balancer.process.pid };
};

/** Until `count` has not changed for half a second. */
const still = (count: () => number) => {
  let [last, since] = [-1, performance.now()];
  return eventually(20_000, "an end of the flood", async () => {
    if (count() !== last) [last, since] = [count(), performance.now()];
    return performance.now() - since > 500 ? last : undefined;
  });
};

/** Sends messages as fast as they are taken; gives back how many were. */
const flood = (send: (bytes: Buffer) => Promise<void>, masked: boolean) => {
  const message = frame(opcode.binary, Buffer.alloc(messageBytes, 1), { masked });
  const state = { sent: 0, stopped: false };
  const run = async () => {
    for (; state.sent < messages && !state.stopped; state.sent++) await send(message);
  };
  return { sent: () => state.sent, stop: () => (state.stopped = true), done: run() };
};

export const webSocketFloodCases: readonly ConformanceCase[] = [
  {
    name: "websocket: a client that takes nothing holds the backend back, and gets everything in the end",
    timeoutMs: 60_000,
    async run(context) {
      const { client, connection, arrival, pid } = await join(context);
      const before = residentOf(pid);
      connection.pause();
      const write = (bytes: Buffer) =>
        new Promise<void>((resolve) => void arrival.socket.write(bytes, () => resolve()));
      const flooding = flood(write, false);
      const sent = await still(flooding.sent);
      assert.ok(sent < messages / 2, `${sent} of ${messages} messages were taken`);
      if (isTold) {
        const grown = (residentOf(pid) - before) / mebibyte;
        assert.ok(grown < 32, `${grown.toFixed(1)} MiB more`);
      }
      connection.resume();
      for (let count = 0; count < messages; count++) {
        assert.equal((await client.message()).length, messageBytes, `message ${count}`);
      }
      await flooding.done;
    },
  },
  {
    name: "websocket: a backend that takes nothing holds the client back, and gets everything in the end",
    timeoutMs: 60_000,
    async run(context) {
      const { connection, arrival, backend, pid } = await join(context);
      const before = residentOf(pid);
      arrival.socket.pause();
      const flooding = flood(connection.send, true);
      const sent = await still(flooding.sent);
      assert.ok(sent < messages / 2, `${sent} of ${messages} messages were taken`);
      if (isTold) {
        const grown = (residentOf(pid) - before) / mebibyte;
        assert.ok(grown < 32, `${grown.toFixed(1)} MiB more`);
      }
      arrival.socket.resume();
      for (let count = 0; count < messages; count++) {
        assert.equal((await backend.message()).length, messageBytes, `message ${count}`);
      }
      await flooding.done;
    },
  },
];

/** Where messages are relayed nobody can be held back. */
export const relayedFloodCases: readonly ConformanceCase[] = [
  {
    name: "websocket: a client that floods a backend that takes nothing is ended, and the backend closed with 1013",
    timeoutMs: 60_000,
    async run(context) {
      const { connection, arrival, backend, pid } = await join(context);
      const before = residentOf(pid);
      arrival.socket.pause();
      const flooding = flood(connection.send, true);
      // Sent a message after its close frame, Deno resets the connection: the 1013 seldom gets through to a client that floods.
      await within(20_000, "the end of the client's connection", connection.reader.ended);
      flooding.stop();
      if (isTold) {
        const grown = (residentOf(pid) - before) / mebibyte;
        assert.ok(grown < 64, `${grown.toFixed(1)} MiB more`);
      }
      arrival.socket.resume();
      for (;;) {
        const got = await backend.next();
        if (got.opcode !== opcode.close) continue;
        assert.deepEqual(closeOf(got), [1013, "the backend is too slow"]);
        break;
      }
      connection.leave();
      await flooding.done;
    },
  },
];
