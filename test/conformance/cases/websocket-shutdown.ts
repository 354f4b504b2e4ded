import assert from "node:assert/strict";
import { closeOf, closing, opcode, readFrame } from "../../support/frames.ts";
import { accepting, openOn, type RawWebSocket } from "../../support/raw-websocket.ts";
import { within } from "../../support/wait.ts";
import { ready, type RunningBalancer } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

const join = async (context: CaseContext, shutdown: Record<string, unknown>) => {
  const opened: ((side: RawWebSocket) => void)[] = [];
  const backend = await context.backend("main", (arrival) => {
    if (arrival.target === "/slow") return undefined;
    if (arrival.field("upgrade") === undefined) return arrival.answer(200);
    return accepting((side) => opened.shift()?.(side))(arrival);
  });
  const balancer = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends: [backend.url], healthCheck: false } },
    shutdown,
  });
  await ready(balancer.port);
  const open = async () => {
    const { promise, resolve } = Promise.withResolvers<RawWebSocket>();
    opened.push(resolve);
    const connection = await context.connect(balancer.port);
    const client = await openOn(connection);
    return { connection, client, backend: await promise };
  };
  return { backend, balancer, open };
};

/** Sends the signal and waits until it is known. */
const signal = async (balancer: RunningBalancer) => {
  balancer.process.kill("SIGTERM");
  await balancer.process.waitForLine((text) => /SIGTERM/.test(text), "word of the signal");
};

const passes = async ({ client, backend }: { client: RawWebSocket; backend: RawWebSocket }) => {
  client.say(opcode.text, "ping");
  assert.equal((await backend.message()).toString(), "ping");
  backend.say(opcode.text, "pong");
  assert.equal((await client.message()).toString(), "pong");
};

const gaps = { workers: "workerd waits for WebSockets as for requests, and cuts them: nobody can tell them" };

export const webSocketShutdownCases: readonly ConformanceCase[] = [
  {
    name: "websocket: at the end they live on until the timeout, both sides are told with 1001, and the status is 0",
    gaps,
    async run(context) {
      const { balancer, open } = await join(context, { timeout: "700ms" });
      const sides = await open();
      const quiet = await open();
      await signal(balancer);
      await passes(sides);
      for (const { client, backend, connection } of [sides, quiet]) {
        assert.deepEqual(closeOf(await client.next()), [1001, ""]);
        const toBackend = await backend.next();
        assert.equal(toBackend.masked, true);
        assert.deepEqual(closeOf(toBackend), [1001, ""]);
        client.say(opcode.close, closing(1001));
        backend.say(opcode.close, closing(1001));
        connection.leave();
      }
      assert.deepEqual(await within(8000, "the end", balancer.process.exit), { code: 0, signal: null });
    },
  },
  {
    name: "websocket: at the end those that do not answer the 1001 are cut a moment later, and the status is 0",
    gaps,
    async run(context) {
      const { balancer, open } = await join(context, { timeout: "300ms" });
      const { client, backend } = await open();
      await signal(balancer);
      assert.deepEqual(closeOf(await client.next()), [1001, ""]);
      assert.deepEqual(closeOf(await backend.next()), [1001, ""]);
      assert.deepEqual(await within(8000, "the end", balancer.process.exit), { code: 0, signal: null });
      assert.equal(await readFrame(client.reader), undefined);
    },
  },
  {
    name: "websocket: at the end one that closes in time is waited for, and nothing else",
    async run(context) {
      const { balancer, open } = await join(context, { timeout: "30s" });
      const sides = await open();
      await signal(balancer);
      await passes(sides);
      const { client, backend, connection } = sides;
      client.say(opcode.close, closing(1000));
      await backend.next();
      backend.say(opcode.close, closing(1000));
      await client.next();
      connection.leave();
      assert.deepEqual(await within(8000, "the end", balancer.process.exit), { code: 0, signal: null });
    },
  },
  {
    name: "websocket: at the end a request that is cut beside them makes the status 1",
    gaps,
    async run(context) {
      const { balancer, open, backend } = await join(context, { timeout: "300ms" });
      const { client } = await open();
      const slow = await context.connect(balancer.port);
      await slow.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await backend.arrival(1);
      await signal(balancer);
      assert.deepEqual(closeOf(await client.next()), [1001, ""]);
      assert.equal((await within(8000, "the end", balancer.process.exit)).code, 1);
    },
  },
  {
    name: "websocket: before the door closes a handshake is still let in",
    gaps,
    async run(context) {
      const { balancer, open } = await join(context, { timeout: "200ms", preStopDelay: "1s" });
      await signal(balancer);
      const sides = await open();
      await passes(sides);
      assert.deepEqual(closeOf(await sides.client.next()), [1001, ""]);
      assert.equal((await within(8000, "the end", balancer.process.exit)).code, 0);
    },
  },
];
