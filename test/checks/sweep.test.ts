import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eligible } from "../../src/core/pool.ts";
import type { Clock } from "../../src/core/ports.ts";
import { backends } from "../support/fake-pools.ts";
import { createRig, every, minute, runFor, runMinutes } from "../support/sweeping.ts";

const one = { web: backends(1) };

/** A clock whose sleepers all wake that much too late. */
const lateBy = (lateness: number) => (clock: Clock): Clock => ({
  ...clock,
  sleep: (ms, signal) => clock.sleep(ms + lateness, signal),
});

describe("the cadence of sweeps", () => {
  it("is exact at 100 ms over 600 ticks, though every probe takes 90 ms", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 100 } } });
    rig.scripts.set(8081, { takes: 90 });
    await runFor(rig, 59_999);
    assert.deepEqual(rig.probedAt(8081), every(100, 60_000));
  });

  it("is exact at 10 s over 360 ticks, though every probe times out", async () => {
    const rig = createRig({ pools: one });
    rig.scripts.set(8081, { takes: 1e9 });
    await runFor(rig, 3_599_999);
    assert.deepEqual(rig.probedAt(8081), every(10_000, 3_600_000));
  });

  it("is each pool's own", async () => {
    const pools = { fast: backends(1), slow: backends(2).slice(1) };
    const rig = createRig({ pools, checks: { fast: { interval: 300 }, slow: { interval: 700 } } });
    await runFor(rig, 2_099);
    assert.deepEqual(rig.probedAt(8081), every(300, 2_100));
    assert.deepEqual(rig.probedAt(8082), every(700, 2_100));
  });

  it("leaves out the ticks that a late loop missed, and does not bunch them", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 100 } }, wrapClock: lateBy(250) });
    await runFor(rig, 1_000);
    assert.deepEqual(rig.probedAt(8081), [0, 350, 650, 950]);
  });

  it("does not sweep twice for a timer that fires a millisecond early", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 100 } }, wrapClock: lateBy(-1) });
    await runFor(rig, 350);
    assert.deepEqual(rig.probedAt(8081), [0, 99, 199, 299]);
  });

  it("goes on when the wall clock is set back an hour", async () => {
    let back = 0;
    const rig = createRig({
      pools: one,
      checks: { web: { interval: 100 } },
      wrapClock: (clock) => ({ ...clock, now: () => clock.now() - back }),
    });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(250);
    back = 3_600_000;
    await rig.clock.advance(250);
    stop.abort();
    await run;
    assert.deepEqual(rig.probedAt(8081), [0, 100, 200, 300, 400, 500]);
  });
});

describe("probes of one backend", () => {
  it("never lie over each other: one whose last is out is passed over, the others are not", async () => {
    const rig = createRig({ pools: { web: backends(2) }, checks: { web: { interval: 100, timeout: 1_000 } } });
    rig.scripts.set(8081, { takes: 250 });
    await runFor(rig, 999);
    assert.deepEqual(rig.probedAt(8081), [0, 300, 600, 900]);
    assert.deepEqual(rig.probedAt(8082), every(100, 1_000));
  });

  it("never lie over each other in windows that overlap either", async () => {
    const rig = createRig({ pools: one, checks: { web: { timeout: 100_000 } }, window: minute });
    rig.scripts.set(8081, { takes: 75_000 });
    const first = rig.sweeper.run();
    await rig.clock.advance(60_000);
    const second = rig.sweeper.run();
    await rig.clock.advance(160_000);
    await Promise.all([first, second]);
    assert.deepEqual(rig.probedAt(8081), [0, 80_000]);
  });

  it("are sent to all backends of a pool at the same time, but no more at once than `concurrency`", async () => {
    const rig = createRig({ pools: { web: backends(7) }, checks: { web: { concurrency: 3 } } });
    for (const port of [8081, 8082, 8083, 8084, 8085, 8086, 8087]) rig.scripts.set(port, { takes: 100 });
    await runFor(rig, 5_000);
    assert.deepEqual(rig.probes.map(({ at }) => at), [0, 0, 0, 100, 100, 100, 200]);
    assert.equal(rig.mostRunning(), 3);
  });

  it("are no more at once than `concurrency` when sweeps overlap", async () => {
    const rig = createRig({ pools: { web: backends(4) }, checks: { web: { concurrency: 2, interval: 100 } } });
    rig.scripts.set(8081, { takes: 950 });
    for (const port of [8082, 8083, 8084]) rig.scripts.set(port, { takes: 40 });
    await runFor(rig, 900);
    assert.equal(rig.mostRunning(), 2);
    assert.deepEqual(rig.probedAt(8084).slice(0, 3), [80, 240, 380]);
  });
});

describe("jitter", () => {
  it("delays single probes within its share of the interval, never the first sweep", async () => {
    const drawn = [0, 0.25, 0.999];
    let turn = 0;
    const rig = createRig({
      pools: { web: backends(3) },
      checks: { web: { jitter: 10 } },
      random: () => drawn[turn++ % drawn.length]!,
    });
    await runFor(rig, 29_999);
    assert.deepEqual(rig.probedAt(8081), [0, 10_000, 20_000]);
    assert.deepEqual(rig.probedAt(8082), [0, 10_250, 20_250]);
    assert.deepEqual(rig.probedAt(8083), [0, 10_999, 20_999]);
  });

  it("never moves the sweep itself, however the dice fall", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const rig = createRig({ pools: one, checks: { web: { jitter: 50, interval: 1_000 } }, random });
    await runFor(rig, 499_999);
    const offsets = rig.probedAt(8081).map((at, tick) => at - tick * 1_000);
    assert.equal(offsets.length, 500);
    assert.ok(offsets.every((offset) => offset >= 0 && offset < 500));
    assert.ok(Math.max(...offsets) > 450 && Math.min(...offsets.slice(1)) < 50);
  });
});

describe("a window of 60 s", () => {
  it("has exactly 6 sweeps at 10 s, and ends when the last probe is in", async () => {
    const rig = createRig({ pools: one, window: minute });
    rig.scripts.set(8081, { takes: 1_500 });
    let endedAt = 0;
    const began = rig.clock.now();
    const run = rig.sweeper.run().then(() => (endedAt = rig.clock.now() - began));
    await rig.clock.advance(120_000);
    await run;
    assert.deepEqual(rig.probedAt(8081), [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
    assert.equal(endedAt, 51_500);
    assert.equal(rig.clock.sleepers(), 0);
  });

  it("has no sweep that would begin after its end because the loop is late", async () => {
    const rig = createRig({
      pools: one,
      window: minute,
      wrapClock: lateBy(15_000),
      checks: { web: { interval: 40_000 } },
    });
    const run = rig.sweeper.run();
    await rig.clock.advance(59_000);
    assert.deepEqual(rig.probedAt(8081), [0, 55_000]);
    await run;
    const late = createRig({
      pools: one,
      window: minute,
      wrapClock: lateBy(25_000),
      checks: { web: { interval: 40_000 } },
    });
    const lateRun = late.sweeper.run();
    await late.clock.advance(200_000);
    await lateRun;
    assert.deepEqual(late.probedAt(8081), [0]);
  });

  it("has one sweep at 60 s", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 60_000 } }, window: minute });
    await runMinutes(rig, 3, "fresh");
    assert.deepEqual(rig.probedAt(8081), [0, 60_000, 120_000]);
  });

  it("sends 40 probes to 8 backends at 10 s: a sixth sweep would not fit into 45", async () => {
    const rig = createRig({ pools: { web: backends(8) }, window: minute });
    await runMinutes(rig, 1, "same");
    assert.equal(rig.probes.length, 40);
    assert.deepEqual(rig.probedAt(8088), [0, 10_000, 20_000, 30_000, 40_000]);
  });

  it("has a first sweep of every pool, however many backends they have", async () => {
    const rig = createRig({ pools: { web: backends(40), api: backends(20) }, window: minute });
    await runMinutes(rig, 1, "same");
    assert.equal(rig.probes.length, 60);
  });

  it("keeps room for a first sweep that comes later in it", async () => {
    const rig = createRig({
      pools: { web: backends(8), rare: backends(12).slice(8) },
      checks: { rare: { interval: 90_000 } },
      window: minute,
    });
    await runMinutes(rig, 2, "fresh");
    assert.deepEqual(rig.probedAt(8089), [0, 90_000]);
    assert.deepEqual(rig.probedAt(8081), [0, 10_000, 20_000, 30_000, 40_000, 60_000, 70_000, 80_000, 90_000, 100_000]);
    assert.equal(rig.probes.filter(({ at }) => at >= 60_000).length, 44);
  });

  it("does not count a backend that is passed over", async () => {
    const rig = createRig({ pools: { web: backends(8) }, checks: { web: { timeout: 55_000 } }, window: minute });
    rig.scripts.set(8081, { takes: 54_000 });
    await runMinutes(rig, 1, "same");
    assert.deepEqual(rig.probedAt(8082), [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  });

  it("ends early at the signal", async () => {
    const rig = createRig({ pools: one, window: minute });
    await runFor(rig, 25_000);
    assert.deepEqual(rig.probedAt(8081), [0, 10_000, 20_000]);
    assert.equal(rig.clock.sleepers(), 0);
  });
});

describe("an interval longer than the window", () => {
  it("is kept by processes that each live a minute and remember nothing, with a cron that is up to 3 s off", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 300_000 } }, window: minute });
    const late = (index: number) => [0, 400, 3_000, 1_200][index % 4]!;
    await runMinutes(rig, 60, "fresh", late);
    assert.deepEqual(rig.probedAt(8081), every(300_000, 3_600_000).map((at) => at + late(at / 60_000)));
  });

  it("is swept at once when it never was, and then by the clock on the wall", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 300_000 } }, window: minute });
    await rig.clock.advance(120_000);
    await runMinutes(rig, 10, "fresh");
    assert.deepEqual(rig.probedAt(8081), [120_000, 300_000, 600_000]);
  });
});

describe("the backends of a sweep", () => {
  it("are those that the pool has now, read anew before each sweep", async () => {
    const rig = createRig({ pools: one, checks: { web: { interval: 100 } } });
    const refreshed: number[] = [];
    const { refresh } = rig.pools;
    rig.pools.refresh = async (name) => {
      await refresh(name);
      refreshed.push(refreshed.length);
      if (refreshed.length === 4) rig.pools.change("web", backends(2));
    };
    await runFor(rig, 399);
    assert.deepEqual(rig.probedAt(8081), [0, 100, 200, 300]);
    assert.deepEqual(rig.probedAt(8082), [200, 300]);
  });

  it("do not include those in maintenance, and the first result afterwards counts at once", async () => {
    const [a, b] = backends(2);
    const rig = createRig({ pools: { web: [a!, b!] }, checks: { web: { interval: 1_000 } } });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(1_500);
    rig.pools.change("web", [a!, { ...b!, state: "maintenance" }]);
    await rig.clock.advance(1_000);
    assert.deepEqual(Object.keys(rig.pools.current("web").health), ["a"]);
    assert.deepEqual(Object.keys(rig.store.writes.at(-1)!.health), ["a"]);
    rig.scripts.set(8082, { fails: "connection_refused" });
    await rig.clock.advance(1_000);
    rig.pools.change("web", [a!, b!]);
    await rig.clock.advance(1_000);
    stop.abort();
    await run;
    assert.deepEqual(rig.probedAt(8082), [0, 1_000, 4_000]);
    assert.equal(rig.pools.current("web").health["b"]?.status, "unhealthy");
  });

  it("include those that drain", async () => {
    const rig = createRig({ pools: { web: [{ ...backends(1)[0]!, state: "drain" }] } });
    await runFor(rig, 5);
    assert.deepEqual(rig.probedAt(8081), [0]);
  });

  it("leave nothing behind when they are removed, also by a probe that was out", async () => {
    const rig = createRig({ pools: { web: backends(3) }, checks: { web: { interval: 100, timeout: 150 } } });
    rig.scripts.set(8082, { takes: 120, fails: "connection_refused" });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(110);
    rig.pools.change("web", backends(1));
    await rig.clock.advance(190);
    stop.abort();
    await run;
    assert.deepEqual(Object.keys(rig.pools.current("web").health), ["a"]);
    assert.deepEqual(rig.messages(), []);
  });

  const [a] = backends(1);
  for (
    const [name, now] of [
      ["have another address", { ...a!, url: "http://127.0.0.1:9999" }],
      ["are in maintenance", { ...a!, state: "maintenance" }],
    ] as const
  ) {
    it(`are not judged by a probe that was out when they were changed and ${name}`, async () => {
      const rig = createRig({ pools: { web: [a!] } });
      rig.scripts.set(8081, { takes: 100, fails: "connection_refused" });
      const stop = new AbortController();
      const run = rig.sweeper.run(stop.signal);
      await rig.clock.advance(50);
      rig.pools.change("web", [now]);
      await rig.clock.advance(500);
      stop.abort();
      await run;
      assert.deepEqual(rig.pools.current("web").health, {});
    });
  }

  it("are judged each as its result arrives: a slow one holds up nobody's transition", async () => {
    const rig = createRig({ pools: { web: backends(2) }, checks: { web: { interval: 1_000, unhealthyThreshold: 1 } } });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(500);
    rig.scripts.set(8081, { takes: 1e9 });
    rig.scripts.set(8082, { takes: 20, fails: "connection_refused" });
    await rig.clock.advance(520);
    assert.deepEqual(eligible(rig.pools.current("web")).map(({ id }) => id), ["a"]);
    await rig.clock.advance(1_980);
    stop.abort();
    await run;
    assert.deepEqual(eligible(rig.pools.current("web")), []);
  });

  it("may be none: the pool counts as swept", async () => {
    const rig = createRig({ pools: { web: [{ ...backends(1)[0]!, state: "maintenance" }] } });
    const began = rig.clock.now();
    await runFor(rig, 15_000);
    assert.equal(rig.pools.current("web").sweptAt, began + 10_000);
    assert.equal(rig.probes.length, 0);
  });
});

describe("when a sweep was", () => {
  it("is when it began, and a probe of an earlier one does not turn it back", async () => {
    const rig = createRig({ pools: { web: backends(2) }, checks: { web: { interval: 100, timeout: 1_000 } } });
    const began = rig.clock.now();
    rig.scripts.set(8081, { takes: 250 });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(260);
    assert.equal(rig.pools.current("web").sweptAt, began + 200);
    stop.abort();
    await run;
  });
});

describe("the signal", () => {
  it("cancels what is out, waits for nobody, finds nothing and leaves no timer", async () => {
    const rig = createRig({
      pools: { web: backends(3) },
      checks: { web: { concurrency: 1, jitter: 50, unhealthyThreshold: 1 } },
      logSweeps: true,
    });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(9_000);
    const before = rig.lines.length;
    for (const port of [8081, 8082, 8083]) rig.scripts.set(port, { takes: 1e9, fails: "connection_refused" });
    await rig.clock.advance(4_000);
    assert.equal(rig.running(), 1);
    stop.abort();
    await run;
    assert.equal(rig.clock.sleepers(), 0);
    assert.equal(rig.running(), 0);
    assert.equal(rig.cut(), 1);
    assert.equal(rig.lines.length, before);
    assert.equal(eligible(rig.pools.current("web")).length, 3);
  });

  it("also ends what only waits for its turn in the jitter", async () => {
    const rig = createRig({ pools: one, checks: { web: { jitter: 50 } } });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(11_000);
    assert.deepEqual(rig.probedAt(8081), [0]);
    stop.abort();
    await run;
    await rig.clock.advance(0);
    assert.equal(rig.clock.sleepers(), 0);
    assert.deepEqual(rig.probedAt(8081), [0]);
  });

  it("that has aborted before sends nothing", async () => {
    const rig = createRig({ pools: one });
    await rig.sweeper.run(AbortSignal.abort());
    assert.equal(rig.probes.length, 0);
    assert.deepEqual(rig.store.writes, []);
  });

  it("lets a later run begin anew", async () => {
    const rig = createRig({ pools: one });
    rig.scripts.set(8081, { takes: 1e9 });
    await runFor(rig, 1_000);
    await runFor(rig, 1_000);
    assert.deepEqual(rig.probedAt(8081), [0, 1_000]);
  });
});
