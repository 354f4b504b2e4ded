import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import { connectRaw, exchange } from "../../support/raw-client.ts";
import type { RawBackend } from "../../support/raw-backend.ts";
import { eventually, within } from "../../support/wait.ts";
import { ready, type RunningBalancer } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

const listen = { port: 0, hostname: "127.0.0.1" };
const streamHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

const start = async (
  context: CaseContext,
  backend: RawBackend,
  shutdown: Record<string, unknown> = {},
): Promise<RunningBalancer> => {
  const balancer = await context.start({
    listen,
    pools: { web: { backends: [backend.url], healthCheck: false } },
    shutdown,
  });
  await ready(balancer.port);
  return balancer;
};

/** Until nobody is let in any more; a connection that only waits in the system's queue is not let in either. */
const closed = (port: number) =>
  eventually(5000, "a closed door", async () => {
    const client = await connectRaw(port).catch(() => undefined);
    client?.leave();
    return client === undefined ? true : undefined;
  });

/** A request that the backend has not answered and a stream that it has not ended. */
const openWork = async (context: CaseContext, balancer: RunningBalancer, backend: RawBackend) => {
  backend.handle((arrival) =>
    void (arrival.target === "/stream" && arrival.write(streamHead + chunk("begin").toString()))
  );
  const slow = await context.connect(balancer.port);
  await slow.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
  const slowArrival = await backend.arrival(0);
  const stream = await context.connect(balancer.port);
  await stream.send("GET /stream HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
  await stream.reader.until("begin");
  return { slow, slowArrival, stream, streamArrival: await backend.arrival(1) };
};

export const lifecycleCases: readonly ConformanceCase[] = [
  ...(["SIGTERM", "SIGINT"] as const).map(
    (signal): ConformanceCase => ({
      name: `shutdown: ${signal} with nothing to do ends with 0`,
      async run(context) {
        const backend = await context.backend();
        const balancer = await start(context, backend);
        const idle = await context.connect(balancer.port);
        await idle.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
        await idle.response();
        const started = performance.now();
        assert.deepEqual(await balancer.stop(signal), { code: 0, signal: null });
        assert.ok(performance.now() - started < 3000, "an idle connection is not waited for");
        assert.equal(balancer.process.errors(), "");
      },
    }),
  ),
  {
    name: "shutdown: what is in flight ends, a slow request and a stream, and nobody new comes in",
    async run(context) {
      const backend = await context.backend();
      const balancer = await start(context, backend);
      const { slow, slowArrival, stream, streamArrival } = await openWork(context, balancer, backend);
      balancer.process.kill("SIGTERM");
      // workerd leaves new connections in the system's queue, where nobody answers them.
      if (context.runtime !== "workers") await closed(balancer.port);
      await slowArrival.answer(200, [], "slow but whole");
      assert.equal((await slow.response()).body.toString(), "slow but whole");
      streamArrival.write(chunk(" and end"));
      streamArrival.write(chunk(""));
      assert.ok((await stream.reader.until("\r\n0\r\n\r\n"))?.includes(" and end"));
      assert.deepEqual(await within(8000, "the end", balancer.process.exit), { code: 0, signal: null });
      assert.equal(backend.arrivals.length, 2);
    },
  },
  {
    name: "shutdown: what does not end in time is cut, with a word in the log and status 1",
    async run(context) {
      const backend = await context.backend();
      const balancer = await start(context, backend, { timeout: "400ms" });
      const { slow, stream } = await openWork(context, balancer, backend);
      assert.deepEqual(await balancer.stop(), { code: 1, signal: null });
      await Promise.all([slow.ended, stream.ended]);
      assert.doesNotMatch(stream.reader.received().toString(), /\r\n0\r\n\r\n$/, "a cut stream does not look whole");
      const words = balancer.process.lines().filter((text) => /forced to stop/.test(text));
      assert.ok(words.length >= 1, balancer.process.lines().join("\n"));
    },
  },
  {
    name: "shutdown: a second signal ends at once",
    async run(context) {
      const backend = await context.backend();
      const balancer = await start(context, backend, { timeout: "60s" });
      await openWork(context, balancer, backend);
      balancer.process.kill("SIGTERM");
      if (context.runtime !== "workers") await closed(balancer.port);
      else {await balancer.process.waitForLine((text) =>
          /shut|stop|signal|SIGTERM/i.test(text), "word of the first signal");}
      const { code } = await within(
        3000,
        "the end after the second signal",
        (balancer.process.kill("SIGINT"), balancer.process.exit),
      );
      assert.notEqual(code, 0);
    },
  },
  {
    name: "shutdown: before the door closes readiness turns, and requests are still answered",
    async run(context) {
      const backend = await context.backend("main");
      const balancer = await start(context, backend, { preStopDelay: "1s" });
      balancer.process.kill("SIGTERM");
      await eventually(5000, "an unready balancer", async () => {
        const response = await exchange(balancer.port, { target: "/_roundabout/readyz" });
        return response.status === 503 && response.body.toString().trim() === "draining" ? true : undefined;
      });
      assert.equal((await exchange(balancer.port, { target: "/_roundabout/livez" })).status, 200);
      assert.equal((await exchange(balancer.port)).body.toString(), "main");
      assert.deepEqual(await within(8000, "the end", balancer.process.exit), { code: 0, signal: null });
    },
  },
  {
    name: "shutdown: health checks stop when it begins",
    async run(context) {
      const backend = await context.backend();
      const balancer = await context.start({
        listen,
        pools: {
          web: {
            backends: [backend.url],
            healthCheck: { type: "http", path: "/health", interval: "100ms", timeout: "90ms" },
          },
        },
      });
      await ready(balancer.port);
      backend.handle((arrival) => (arrival.target === "/slow" ? undefined : arrival.answer(200)));
      const client = await context.connect(balancer.port);
      await client.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const held = await eventually(
        5000,
        "the slow request",
        async () => backend.arrivals.find((arrival) => arrival.target === "/slow"),
      );
      balancer.process.kill("SIGTERM");
      if (context.runtime === "workers") {
        await balancer.process.waitForLine((text) => /shut|stop|signal|SIGTERM/i.test(text), "word of the signal");
      } else await closed(balancer.port);
      const before = backend.arrivals.length;
      // Three intervals: the absence of something has no other mark than time.
      await new Promise((resolve) => setTimeout(resolve, 350));
      assert.ok(
        backend.arrivals.length <= before + 1,
        `${backend.arrivals.length - before} checks after the door was closed`,
      );
      await held.answer(200, [], "done");
      assert.equal((await client.response()).body.toString(), "done");
      assert.equal((await within(8000, "the end", balancer.process.exit)).code, 0);
    },
  },
  {
    name: "shutdown: workerd does not outlive the program that started it",
    only: ["workers"],
    async run(context) {
      const backend = await context.backend();
      const balancer = await start(context, backend);
      process.kill(balancer.process.pid, "SIGKILL");
      await closed(balancer.port);
    },
  },
];
