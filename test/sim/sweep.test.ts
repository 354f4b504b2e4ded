import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../../src/core/config.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { createClock } from "../../src/sim/clock.ts";
import { startSweeps } from "../../src/sim/sweep.ts";

/** Sweeps `count` backends that all hang from `failsAt` on; gives back when the first was probed and what was published when. */
function sweep(runtime: "node" | "workers", count: number, interval: string, failsAt = Number.POSITIVE_INFINITY) {
  const clock = createClock();
  const urls = Array.from({ length: count }, (_, index) => `http://b${index}.test`);
  const healthCheck = { path: "/health", interval, jitter: 0 };
  const { backends, healthCheck: check } = parseConfig(
    { pools: { web: { backends: urls, healthCheck } } },
    traits[runtime],
  ).pools["web"]!;
  if (check === false) throw new Error("there is a check");
  const probed: number[] = [];
  const published: [number, string | undefined][] = [];
  const backendOf = (id: string) => ({
    id,
    take: () => assert.fail("checks are no requests"),
    probe(now: number, _kind: string, timeoutMs: number) {
      if (id === backends[0]!.id) probed.push(now / 1000);
      return { passed: now < failsAt, at: now < failsAt ? now + 1 : now + timeoutMs };
    },
  });
  startSweeps(0, {
    check,
    window: traits[runtime].window,
    backends: new Map(backends.map(({ id }) => [id, backendOf(id)])),
    pool: () => ({ backends, health: {} }),
    clock,
    random: () => 0.5,
    until: 200_000,
    publish: (health) => published.push([clock.now() / 1000, health[backends[0]!.id]?.status]),
    onPassed: () => {},
    onTurned: () => {},
  });
  clock.run();
  return { probed, published };
}

describe("simulated sweeps", () => {
  it("by cron go on for as long as the probes of a run last: five of eight backends", () => {
    const { probed } = sweep("workers", 8, "10s");
    assert.deepEqual(probed.slice(0, 7), [0, 10, 20, 30, 40, 60, 70]);
  });

  it("by cron are one a minute when they are meant to be, or when there is no room for a second one", () => {
    assert.deepEqual(sweep("workers", 8, "60s").probed, [0, 60, 120, 180]);
    assert.deepEqual(sweep("workers", 40, "10s").probed, [0, 60, 120, 180]);
  });

  it("by cron leave runs out when the interval is longer", () => {
    assert.deepEqual(sweep("workers", 8, "2m").probed, [0, 120]);
  });

  it("of a process go on without an end", () => {
    assert.deepEqual(sweep("node", 100, "20s").probed, [0, 20, 40, 60, 80, 100, 120, 140, 160, 180]);
  });

  it("publish the first verdict at once and the next at the threshold, when the slowest probe is in", () => {
    const { published } = sweep("node", 3, "10s", 15_000);
    assert.deepEqual(published, [[0.001, "healthy"], [43, "unhealthy"]]);
  });

  it("by cron count on from one run to the next", () => {
    assert.deepEqual(sweep("workers", 8, "60s", 15_000).published, [[0.001, "healthy"], [183, "unhealthy"]]);
  });
});
