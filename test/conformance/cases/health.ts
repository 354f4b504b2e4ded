import assert from "node:assert/strict";
import { exchange } from "../../support/raw-client.ts";
import type { Handler, RawBackend } from "../../support/raw-backend.ts";
import { eventually } from "../../support/wait.ts";
import { ready, type RunningBalancer } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

const interval = 200;

/** Healthy while `state.well`; everything but the check is answered with the backend's name. */
const moody = (name: string, state: { well: boolean }): Handler => (arrival) =>
  arrival.target === "/health" ? arrival.answer(state.well ? 200 : 500, [], "feeling") : arrival.answer(200, [], name);

const checks = (backend: RawBackend) => backend.arrivals.filter((arrival) => arrival.target === "/health");
const requests = (backend: RawBackend) => backend.arrivals.filter((arrival) => arrival.target !== "/health");

const startChecked = async (context: CaseContext, backends: readonly unknown[], healthCheck: Record<string, unknown>): Promise<RunningBalancer> => {
  const balancer = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends, healthCheck: { interval, timeout: 150, ...healthCheck }, retry: { attempts: 0 } } },
  });
  await ready(balancer.port);
  return balancer;
};

const told = (balancer: RunningBalancer, word: "DOWN" | "UP", { port }: RawBackend) =>
  balancer.waitForLog((_line, text) => text.includes(`backend ${word} `) && text.includes(`:${port}`), `backend ${word} for port ${port}`);

const askFor = async ({ port }: RunningBalancer, times: number) => {
  const answers: string[] = [];
  for (let turn = 0; turn < times; turn += 1) answers.push((await exchange(port)).body.toString());
  return [...new Set(answers)].sort();
};

/** Until the requests' side of the balancer knows what its log told: on Workers the pool is read from the store from time to time. */
const settled = (balancer: RunningBalancer, times: number, expected: readonly string[]) =>
  eventually(14_000, `only ${expected} answering`, async () => ((await askFor(balancer, times)).join() === expected.join() ? true : undefined));

export const healthCases: readonly ConformanceCase[] = [
  {
    name: "health: a backend whose check fails gets nothing, and comes back",
    timeoutMs: 40_000,
    async run(context) {
      const mood = { well: true };
      const a = await context.backend("a", moody("a", mood));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http", path: "/health", unhealthyThreshold: 2, healthyThreshold: 2 });
      assert.deepEqual(await askFor(balancer, 6), ["a", "b"]);
      mood.well = false;
      await told(balancer, "DOWN", a);
      await settled(balancer, 4, ["b"]);
      a.reset();
      assert.deepEqual(await askFor(balancer, 10), ["b"]);
      assert.equal(requests(a).length, 0);
      mood.well = true;
      await told(balancer, "UP", a);
      await settled(balancer, 6, ["a", "b"]);
    },
  },
  {
    name: "health: over TCP a backend that refuses gets nothing, and comes back",
    timeoutMs: 40_000,
    async run(context) {
      const a = await context.backend("a");
      const b = await context.backend("b");
      const balancer = await startChecked(context, [a.url, b.url], { type: "tcp", unhealthyThreshold: 2, healthyThreshold: 2 });
      assert.deepEqual(await askFor(balancer, 6), ["a", "b"]);
      await a.refuse();
      await told(balancer, "DOWN", a);
      await settled(balancer, 4, ["b"]);
      await a.accept();
      await told(balancer, "UP", a);
      await settled(balancer, 6, ["a", "b"]);
    },
  },
  {
    name: "health: no GET fails while a backend goes away and comes back",
    timeoutMs: 40_000,
    async run(context) {
      const a = await context.backend("a");
      const b = await context.backend("b");
      const balancer = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        pools: { web: { backends: [a.url, b.url], healthCheck: { type: "tcp", interval, timeout: 150, unhealthyThreshold: 1, healthyThreshold: 1 } } },
      });
      await ready(balancer.port);
      let over = false;
      const client = async () => {
        const statuses: number[] = [];
        while (!over) statuses.push((await exchange(balancer.port)).status);
        return statuses;
      };
      const clients = Promise.all([client(), client(), client()]);
      try {
        await a.refuse();
        await told(balancer, "DOWN", a);
        await a.accept();
        await told(balancer, "UP", a);
      } finally {
        over = true;
      }
      const statuses = (await clients).flat();
      assert.ok(statuses.length > 20);
      assert.deepEqual([...new Set(statuses)], [200]);
    },
  },
  {
    name: "health: the first result counts at once, whatever the thresholds",
    async run(context) {
      const a = await context.backend("a", moody("a", { well: false }));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http", interval: "60s", unhealthyThreshold: 5, healthyThreshold: 5 });
      await told(balancer, "DOWN", a);
      assert.deepEqual(await askFor(balancer, 6), ["b"]);
      assert.equal(requests(a).length, 0);
    },
  },
  {
    name: "health: fewer failures in a row than the threshold change nothing",
    async run(context) {
      let probes = 0;
      const a = await context.backend("a", (arrival) => {
        if (arrival.target !== "/health") return arrival.answer(200, [], "a");
        probes += 1;
        return arrival.answer(probes % 3 === 0 ? 200 : probes === 1 ? 200 : 500);
      });
      const balancer = await startChecked(context, [a.url], { type: "http", unhealthyThreshold: 3 });
      await eventually(8000, "nine checks", async () => (probes >= 9 ? true : undefined));
      assert.deepEqual(await askFor(balancer, 2), ["a"]);
      assert.equal(balancer.process.lines().some((text) => text.includes("backend DOWN")), false);
    },
  },
  {
    name: "health: the check is the configured request",
    async run(context) {
      const a = await context.backend("a", moody("a", { well: true }));
      await startChecked(context, [`${a.url}/base`], { type: "http", path: "/health?deep=1", headers: { "x-probe": "yes" }, interval: "60s" });
      const probe = await a.arrival(0);
      assert.equal(probe.method, "GET");
      assert.match(probe.target, /\/health\?deep=1$/);
      assert.equal(probe.field("host"), `127.0.0.1:${a.port}`);
      assert.match(probe.field("user-agent") ?? "", /^roundabout-health\/\d/);
      assert.equal(probe.field("x-probe"), "yes");
      assert.equal(probe.field("x-forwarded-for"), undefined);
    },
  },
  {
    name: "health: a check that answers the wrong words or the wrong status fails",
    async run(context) {
      const right = await context.backend("right", (arrival) => arrival.answer(arrival.target === "/health" ? 204 : 200, [], "right"));
      const wrongStatus = await context.backend("wrong", (arrival) => arrival.answer(200, [], "wrong"));
      const balancer = await startChecked(context, [right.url, wrongStatus.url], { type: "http", expectedStatuses: "204", interval: "60s" });
      await told(balancer, "DOWN", wrongStatus);
      assert.deepEqual(await askFor(balancer, 4), ["right"]);

      const speaks = await context.backend("speaks", (arrival) => arrival.answer(200, [], "all is ready here"));
      const silent = await context.backend("silent", (arrival) => arrival.answer(200, [], "still starting"));
      const reader = await startChecked(context, [speaks.url, silent.url], { type: "http", expectedBody: "is ready", interval: "60s" });
      await told(reader, "DOWN", silent);
      assert.deepEqual(await askFor(reader, 4), ["all is ready here"]);
    },
  },
  {
    name: "health: a check that takes too long fails",
    async run(context) {
      const a = await context.backend("a", (arrival) => (arrival.target === "/health" ? new Promise(() => {}) : arrival.answer(200, [], "a")));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http", interval: "60s" });
      await told(balancer, "DOWN", a);
      assert.deepEqual(await askFor(balancer, 4), ["b"]);
      await checks(a)[0]?.closed;
    },
  },
  {
    name: "health: with all backends down the answer is a 503, and one that recovers serves again",
    timeoutMs: 40_000,
    async run(context) {
      const mood = { well: false };
      const a = await context.backend("a", moody("a", mood));
      const b = await context.backend("b", moody("b", { well: false }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http", healthyThreshold: 1 });
      await told(balancer, "DOWN", a);
      await told(balancer, "DOWN", b);
      const response = await exchange(balancer.port);
      assert.equal(response.status, 503);
      assert.ok(Number(response.field("retry-after")) >= 1);
      assert.match(response.field("proxy-status") ?? "", /destination_unavailable/);
      assert.equal(requests(a).length + requests(b).length, 0, "nobody was asked");
      mood.well = true;
      await told(balancer, "UP", a);
      await settled(balancer, 3, ["a"]);
    },
  },
  {
    name: "health: a backup serves while the first priority is down",
    timeoutMs: 40_000,
    async run(context) {
      const mood = { well: true };
      const a = await context.backend("a", moody("a", mood));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, { url: b.url, priority: 1 }], { type: "http", unhealthyThreshold: 1, healthyThreshold: 1 });
      assert.deepEqual(await askFor(balancer, 4), ["a"]);
      mood.well = false;
      await told(balancer, "DOWN", a);
      await settled(balancer, 4, ["b"]);
      mood.well = true;
      await told(balancer, "UP", a);
      await settled(balancer, 4, ["a"]);
    },
  },
  {
    name: "health: a backend in maintenance is not checked, a draining one is",
    async run(context) {
      const backends = await Promise.all(["a", "b", "c"].map((name) => context.backend(name, moody(name, { well: true }))));
      const [a, b, c] = backends as [RawBackend, RawBackend, RawBackend];
      await startChecked(context, [a.url, { url: b.url, state: "maintenance" }, { url: c.url, state: "drain" }], { type: "http" });
      await eventually(8000, "three checks", async () => (checks(a).length >= 3 && checks(c).length >= 1 ? true : undefined));
      assert.equal(b.connections(), 0);
    },
  },
  {
    name: "health: readyz waits for the first sweep",
    async run(context) {
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      const a = await context.backend("a", async (arrival) => {
        if (arrival.target === "/health") await released;
        await arrival.answer(200, [], "a");
      });
      const balancer = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        pools: { web: { backends: [a.url], healthCheck: { type: "http", interval: "60s", timeout: "10s" } } },
      });
      await a.arrival(0);
      const early = await exchange(balancer.port, { target: "/_roundabout/readyz" });
      assert.equal(early.status, 503);
      assert.equal((await exchange(balancer.port, { target: "/_roundabout/livez" })).status, 200);
      assert.equal((await exchange(balancer.port)).body.toString(), "a", "backends count as healthy until they are checked");
      release();
      await ready(balancer.port);
    },
  },
  {
    name: "health: only transitions are logged",
    async run(context) {
      const a = await context.backend("a", moody("a", { well: false }));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http" });
      const down = JSON.stringify(await told(balancer, "DOWN", a));
      assert.match(down, /500/, "with the reason");
      const before = balancer.process.lines().length;
      const probes = checks(a).length;
      await eventually(8000, "five more checks", async () => (checks(a).length >= probes + 5 ? true : undefined));
      assert.deepEqual(balancer.process.lines().slice(before).filter((text) => text.includes("backend ")), []);
    },
  },
  {
    name: "health: a pool's health is kept in KV, and every isolate learns of it",
    only: ["workers"],
    timeoutMs: 40_000,
    async run(context) {
      const mood = { well: true };
      const a = await context.backend("a", moody("a", mood));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        store: { type: "kv", binding: "POOLS" },
        pools: { web: { backends: [a.url, b.url], retry: { attempts: 0 }, healthCheck: { type: "http", interval, timeout: 150, unhealthyThreshold: 1, healthyThreshold: 1 } } },
      });
      await ready(balancer.port);
      assert.deepEqual(await askFor(balancer, 6), ["a", "b"]);
      mood.well = false;
      await told(balancer, "DOWN", a);
      await settled(balancer, 4, ["b"]);
      mood.well = true;
      await told(balancer, "UP", a);
      await settled(balancer, 6, ["a", "b"]);
    },
  },
];
