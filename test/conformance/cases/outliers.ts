import assert from "node:assert/strict";
import type { RawBackend } from "../../support/raw-backend.ts";
import { exchange } from "../../support/raw-client.ts";
import { eventually, within } from "../../support/wait.ts";
import type { RunningBalancer } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

/** A balancer over "a" and "b" that ejects soon and for a short time. */
async function start(context: CaseContext, pool: Record<string, unknown> = {}, outlierDetection: object | false = {}) {
  const [a, b] = [await context.backend("a"), await context.backend("b")];
  const balancer = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: {
      web: {
        backends: [a.url, b.url],
        healthCheck: false,
        policy: { type: "round-robin", start: "first" },
        outlierDetection: outlierDetection === false
          ? false
          : { consecutiveErrors: 3, baseEjectionTime: "400ms", ...outlierDetection },
        ...pool,
      },
    },
  });
  return { a, b, balancer };
}

const ask = ({ port }: RunningBalancer) => exchange(port);

/** Asks until the log tells something of a backend; gives back the log's line and the statuses so far. */
async function askUntil(balancer: RunningBalancer, word: "EJECTED" | "RETURNED", { port }: RawBackend, times = 1) {
  const statuses: number[] = [];
  const found = () =>
    balancer.logs().filter((line) => JSON.stringify(line).includes(`backend ${word} http://127.0.0.1:${port}`));
  const line = await eventually(8000, `backend ${word} for port ${port}`, async () => {
    statuses.push((await ask(balancer)).status);
    return found()[times - 1];
  });
  return { line, statuses };
}

/** Who answers so many requests. */
async function answers(balancer: RunningBalancer, times: number): Promise<string> {
  let names = "";
  for (let turn = 0; turn < times; turn++) names += (await ask(balancer)).body.toString();
  return names;
}

const failures: readonly (readonly [what: string, fail: (backend: RawBackend) => unknown])[] = [
  ["refuses", (backend) => backend.refuse()],
  ["resets", (backend) => backend.handle(({ socket }) => socket.resetAndDestroy())],
  ["answers 503", (backend) => backend.handle((arrival) => arrival.answer(503, [], "busy"))],
  [
    "breaks its answers off",
    (backend) =>
      backend.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        arrival.socket.end();
      }),
  ],
];

export const outlierCases: readonly ConformanceCase[] = [
  ...failures.map(([what, fail]): ConformanceCase => ({
    name: `outliers: a backend that ${what} is ejected after so many in a row, and gets nothing while it is`,
    // The end of a body is the runtime's own affair there.
    ...(what.startsWith("breaks") &&
      { gaps: { workers: "workerd does not tell how an answer that was passed on ended" } }),
    async run(context) {
      const { a, balancer } = await start(context, {}, { baseEjectionTime: "5m" });
      await fail(a);
      const { line } = await askUntil(balancer, "EJECTED", a);
      assert.ok(Number(line["forMs"]) >= 270_000, "as configured");
      const before = a.arrivals.length;
      assert.equal(await answers(balancer, 8), "bbbbbbbb");
      assert.equal(a.arrivals.length, before);
    },
  })),
  {
    name: "outliers: a client sees none of it where its request may be tried again",
    async run(context) {
      const { a, balancer } = await start(context);
      await a.refuse();
      const { statuses } = await askUntil(balancer, "EJECTED", a);
      assert.ok(statuses.every((status) => status === 200), statuses.join());
    },
  },
  {
    name: "outliers: a success in between begins the count anew",
    async run(context) {
      const { a, balancer } = await start(context, { retry: { attempts: 0 } });
      let turn = 0;
      a.handle((arrival) => arrival.answer(++turn % 3 === 0 ? 200 : 503, [], "a"));
      for (let request = 0; request < 24; request++) await ask(balancer);
      assert.equal(a.arrivals.length, 12);
    },
  },
  {
    name: "outliers: after its time one request is its probation: it returns, or stays out for longer",
    async run(context) {
      const { a, balancer } = await start(context, { retry: { attempts: 0 } });
      a.handle((arrival) => arrival.answer(503, [], "busy"));
      const first = await askUntil(balancer, "EJECTED", a);
      assert.equal(a.arrivals.length, 3);
      const second = await askUntil(balancer, "EJECTED", a, 2);
      assert.equal(a.arrivals.length, 4, "one request tried it");
      assert.ok(Number(second.line["forMs"]) >= 800 && Number(first.line["forMs"]) < 800);
      a.handle((arrival) => arrival.answer(200, [], "a"));
      const { statuses } = await askUntil(balancer, "RETURNED", a);
      assert.ok(statuses.every((status) => status === 200));
      assert.match(await answers(balancer, 4), /^(?:abab|baba)$/);
    },
  },
  {
    name: "outliers: the last backend that could be picked is never ejected, nor more than the most",
    async run(context) {
      const { a, b, balancer } = await start(context, { retry: { attempts: 0 } }, { maxEjectionPercent: 100 });
      for (const backend of [a, b]) backend.handle((arrival) => arrival.answer(503, [], "busy"));
      for (let request = 0; request < 20; request++) assert.equal((await ask(balancer)).status, 503);
      const ejected = balancer.logs().filter((line) => String(line["message"]).startsWith("backend EJECTED"));
      assert.equal(new Set(ejected.map((line) => line["backend"])).size, 1);
      assert.equal(a.arrivals.length + b.arrivals.length, 20, "everybody was asked of somebody");
    },
  },
  {
    name: "outliers: clients that leave say nothing about a backend",
    async run(context) {
      const { a, balancer } = await start(context);
      a.handle(() => {});
      while (a.arrivals.length < 4) {
        const before = a.arrivals.length;
        const client = await context.connect(balancer.port);
        await client.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
        const arrived = a.arrival(before);
        const answered = client.response().then(() => undefined, () => undefined);
        const arrival = await Promise.race([arrived, answered]);
        arrived.catch(() => {});
        client.reset();
        if (arrival !== undefined) await within(8000, "the end of a request whose client left", arrival.closed);
      }
      a.handle((arrival) => arrival.answer(200, [], "a"));
      assert.match(await answers(balancer, 4), /^(?:abab|baba)$/);
    },
  },
  {
    name: "outliers: an http check that passes ends an ejection",
    async run(context) {
      const healthCheck = { path: "/health", interval: 200, timeout: 150 };
      const { a, balancer } = await start(context, { healthCheck, retry: { attempts: 0 } }, { baseEjectionTime: "5m" });
      let isWell = true;
      a.handle((arrival) => arrival.answer(arrival.target === "/health" || !isWell ? 200 : 503, [], "a"));
      await askUntil(balancer, "EJECTED", a);
      isWell = false;
      await balancer.waitForLog((line) => String(line["message"]).startsWith("backend RETURNED"), "the return");
    },
  },
  {
    name: "outliers: plain 5xx eject where they are counted, and else not",
    async run(context) {
      const counted = await start(context, {}, { consecutive5xx: 3 });
      const usual = await start(context);
      for (const { a } of [counted, usual]) a.handle((arrival) => arrival.answer(500, [], "broken"));
      await askUntil(counted.balancer, "EJECTED", counted.a);
      for (let request = 0; request < 20; request++) await ask(usual.balancer);
      assert.equal(usual.a.arrivals.length, 10);
    },
  },
  {
    name: "outliers: a backend whose share of good answers is far below that of the others is ejected",
    async run(context) {
      const successRate = { interval: "200ms", minimumBackends: 2, requestVolume: 3, stdevFactor: 500 };
      const { a, balancer } = await start(context, {}, { successRate });
      a.handle((arrival) => arrival.answer(500, [], "broken"));
      const { line } = await askUntil(balancer, "EJECTED", a);
      assert.equal(line["reason"], "success rate");
    },
  },
  {
    name: "outliers: where too few are left, in a panic, all are used",
    async run(context) {
      const { a, balancer } = await start(context, { panicThreshold: 60, retry: { attempts: 0 } }, {
        baseEjectionTime: "5m",
      });
      a.handle((arrival) => arrival.answer(503, [], "busy"));
      await askUntil(balancer, "EJECTED", a);
      const before = a.arrivals.length;
      for (let request = 0; request < 10; request++) await ask(balancer);
      assert.equal(a.arrivals.length, before + 5);
    },
  },
  {
    name: "outliers: off, a backend that fails stays in its turn",
    async run(context) {
      const { a, balancer } = await start(context, { retry: { attempts: 0 } }, false);
      a.handle((arrival) => arrival.answer(503, [], "busy"));
      for (let request = 0; request < 20; request++) await ask(balancer);
      assert.equal(a.arrivals.length, 10);
    },
  },
  {
    name: "outliers: who has come back begins with a part of its load, where slow start is on",
    async run(context) {
      const slowStart = { window: "1h", minWeightPercent: 10 };
      const { a, balancer } = await start(context, { retry: { attempts: 0 }, slowStart });
      assert.match(await answers(balancer, 4), /^(?:abab|baba)$/, "not at the start of the process");
      a.handle((arrival) => arrival.answer(503, [], "busy"));
      await askUntil(balancer, "EJECTED", a);
      a.handle((arrival) => arrival.answer(200, [], "a"));
      await askUntil(balancer, "RETURNED", a);
      const names = await answers(balancer, 44);
      assert.ok(names.includes("a") && names.split("a").length - 1 <= 8, names);
    },
  },
];
