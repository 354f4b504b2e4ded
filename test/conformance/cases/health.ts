import assert from "node:assert/strict";
import { exchange } from "../../support/raw-client.ts";
import type { RawBackend } from "../../support/raw-backend.ts";
import { eventually } from "../../support/wait.ts";
import { ready } from "../balancer.ts";
import type { ConformanceCase } from "../case.ts";
import { askFor, checks, interval, moody, requests, settled, startChecked, told } from "../checked.ts";

/** What becomes of a backend by its checks. */
export const healthCases: readonly ConformanceCase[] = [
  {
    name: "health: a backend whose check fails gets nothing, and comes back",
    timeoutMs: 40_000,
    async run(context) {
      const mood = { well: true };
      const a = await context.backend("a", moody("a", mood));
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], {
        type: "http",
        path: "/health",
        unhealthyThreshold: 2,
        healthyThreshold: 2,
      });
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
      const balancer = await startChecked(context, [a.url, b.url], {
        type: "tcp",
        unhealthyThreshold: 2,
        healthyThreshold: 2,
      });
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
        pools: {
          web: {
            backends: [a.url, b.url],
            healthCheck: { type: "tcp", interval, timeout: 150, unhealthyThreshold: 1, healthyThreshold: 1 },
          },
        },
      });
      await ready(balancer.port);
      const over = new AbortController();
      const client = async () => {
        const statuses: number[] = [];
        while (!over.signal.aborted) statuses.push((await exchange(balancer.port)).status);
        return statuses;
      };
      const clients = Promise.all([client(), client(), client()]);
      try {
        await a.refuse();
        await told(balancer, "DOWN", a);
        await a.accept();
        await told(balancer, "UP", a);
      } finally {
        over.abort();
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
      const balancer = await startChecked(context, [a.url, b.url], {
        type: "http",
        interval: "60s",
        unhealthyThreshold: 5,
        healthyThreshold: 5,
      });
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
      const balancer = await startChecked(context, [a.url, { url: b.url, priority: 1 }], {
        type: "http",
        unhealthyThreshold: 1,
        healthyThreshold: 1,
      });
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
      const backends = await Promise.all(
        ["a", "b", "c"].map((name) => context.backend(name, moody(name, { well: true }))),
      );
      const [a, b, c] = backends as [RawBackend, RawBackend, RawBackend];
      await startChecked(context, [a.url, { url: b.url, state: "maintenance" }, { url: c.url, state: "drain" }], {
        type: "http",
      });
      await eventually(
        8000,
        "three checks",
        async () => (checks(a).length >= 3 && checks(c).length >= 1 ? true : undefined),
      );
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
      assert.equal(
        (await exchange(balancer.port)).body.toString(),
        "a",
        "backends count as healthy until they are checked",
      );
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
        pools: {
          web: {
            backends: [a.url, b.url],
            retry: { attempts: 0 },
            healthCheck: { type: "http", interval, timeout: 150, unhealthyThreshold: 1, healthyThreshold: 1 },
          },
        },
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
