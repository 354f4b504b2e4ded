import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eligible } from "../../src/core/pool.ts";
import { backends } from "../support/fake-pools.ts";
import { createRig, every, minute, type Rig, runFor, runMinutes, type Script } from "../support/sweeping.ts";

const two = { web: backends(2) };
const refused: Script = { fails: "connection_refused" };
const down = (port: number) => `backend DOWN http://127.0.0.1:${port} (connection refused)`;
const up = (port: number) => `backend UP http://127.0.0.1:${port}`;

/** A backend's answers, one an interval: `.` it is up, `x` it refuses; the last goes on. */
const drawn = (answers: string, interval: number) => (at: number): Script =>
  answers[Math.min(Math.floor(at / interval), answers.length - 1)] === "x" ? refused : {};

describe("the log of health checks", () => {
  it("has one line when the first sweep found all backends up, and none while they stay so", async () => {
    const rig = createRig({
      pools: { web: backends(2), api: backends(3).slice(2) },
      checks: { api: { interval: 1_000 } },
    });
    rig.scripts.set(8082, { takes: 500 });
    await runFor(rig, 60_000);
    assert.deepEqual(rig.lines, [{ level: "info", message: "health checks: all backends up", properties: undefined }]);
  });

  it("has a line for each transition, at the thresholds, and nothing else", async () => {
    const rig = createRig({ pools: two, checks: { web: { interval: 1_000 } } });
    rig.scripts.set(8081, drawn("..x.xx.xxxxx.x..x", 1_000));
    await runFor(rig, 17_000);
    assert.deepEqual(rig.lines.slice(1), [
      {
        level: "warn",
        message: down(8081),
        properties: { pool: "web", backend: "a", url: "http://127.0.0.1:8081", reason: "connection refused" },
      },
      { level: "info", message: up(8081), properties: { pool: "web", backend: "a", url: "http://127.0.0.1:8081" } },
    ]);
  });

  it("has a line for a backend that is down from the start, and none that all are up, then or later", async () => {
    const rig = createRig({ pools: two, checks: { web: { interval: 1_000 } } });
    rig.scripts.set(8082, drawn("x..", 1_000));
    await runFor(rig, 5_000);
    assert.deepEqual(rig.messages(), [down(8082), up(8082)]);
  });

  it("gives the reason of the check that turned it", async () => {
    const rig = createRig({ pools: { web: backends(1) }, checks: { web: { interval: 3_000, unhealthyThreshold: 2 } } });
    rig.scripts.set(8081, (at) => [{}, refused, { takes: 1e9 }][at / 3_000]!);
    await runFor(rig, 8_500);
    assert.equal(rig.messages().at(-1), "backend DOWN http://127.0.0.1:8081 (timeout)");
  });

  it("is not begun anew by a process that finds in the store what another one saw", async () => {
    const rig = createRig({ pools: two, window: minute });
    rig.scripts.set(8081, refused);
    await runMinutes(rig, 1, "fresh");
    rig.scripts.delete(8081);
    await runMinutes(rig, 3, "fresh");
    assert.deepEqual(rig.messages(), [down(8081), up(8081)]);
  });

  it("has a line a sweep where that is asked for", async () => {
    const rig = createRig({ pools: two, checks: { web: { interval: 1_000, timeout: 5_000 } }, logSweeps: true });
    rig.scripts.set(8081, (at) => at < 1_000 ? refused : { takes: 1_500 });
    await runFor(rig, 2_400);
    const sweeps = rig.lines.filter(({ message }) => message.startsWith("sweep"));
    assert.deepEqual(sweeps.map(({ message }) => message), [
      "sweep of pool web: 1 passed, 1 failed, 0 passed over, http://127.0.0.1:8081 connection refused, http://127.0.0.1:8082 passed",
      "sweep of pool web: 1 passed, 0 failed, 1 passed over, http://127.0.0.1:8082 passed",
    ]);
    assert.deepEqual(sweeps[0], {
      level: "info",
      message: sweeps[0]!.message,
      properties: {
        pool: "web",
        passed: 1,
        failed: 1,
        passedOver: 0,
        results: [
          { backend: "a", url: "http://127.0.0.1:8081", result: "connection refused", elapsedMs: 0 },
          { backend: "b", url: "http://127.0.0.1:8082", result: "passed", elapsedMs: 0 },
        ],
      },
    });
  });
});

describe("what is written to the store", () => {
  const gaps = (rig: Rig) => rig.writtenAt().slice(1).map((at, index) => at - rig.writtenAt()[index]!);

  for (const each of ["same", "fresh"] as const) {
    const process = each === "same" ? "one process" : "a new process each minute";
    it(`on Workers, a quiet hour, ${process}: 6 writes, one for the first sweep and then every 10 minutes`, async () => {
      const rig = createRig({ pools: { web: backends(8) }, window: minute });
      await runMinutes(rig, 60, each);
      assert.deepEqual(rig.writtenAt(), every(600_000, 3_600_000));
      assert.equal(Object.keys(rig.store.writes[0]!.health).length, 8);
    });

    it(`on Workers, an hour of every second check failing, ${process}: 7 writes, one more for a streak at the end of a window`, async () => {
      const rig = createRig({ pools: { web: backends(1) }, window: minute });
      rig.scripts.set(8081, (at) => (at / 10_000) % 2 === 1 ? refused : {});
      await runMinutes(rig, 60, each);
      assert.equal(rig.store.writes.length, 7);
      assert.deepEqual(rig.writtenAt().slice(0, 2), [0, 50_000]);
      assert.deepEqual(rig.messages(), ["health checks: all backends up"]);
    });

    it(`on Workers, an hour of a backend a minute down and a minute up, ${process}: 60 writes, one a transition`, async () => {
      const rig = createRig({ pools: { web: backends(1) }, window: minute });
      rig.scripts.set(8081, (at) => Math.floor(at / 60_000) % 2 === 1 ? refused : {});
      await runMinutes(rig, 60, each);
      assert.equal(rig.lines.length, 60);
      assert.equal(rig.store.writes.length, 60);
    });

    it(`on Workers, an hour of a backend that turns with each check, ${process}: 360 writes, one a transition`, async () => {
      const rig = createRig({
        pools: { web: backends(1) },
        checks: { web: { unhealthyThreshold: 1, healthyThreshold: 1 } },
        window: minute,
      });
      rig.scripts.set(8081, (at) => (at / 10_000) % 2 === 1 ? refused : {});
      await runMinutes(rig, 60, each);
      assert.equal(rig.store.writes.length, 360);
    });
  }

  it("carries a streak over from process to process", async () => {
    const rig = createRig({ pools: { web: backends(1) }, window: minute });
    rig.scripts.set(8081, drawn(".....xxx", 10_000));
    await runMinutes(rig, 2, "fresh");
    assert.equal(rig.store.writes[1]!.health["a"]!.streak, 1);
    assert.equal(rig.store.writes[2]!.health["a"]!.status, "unhealthy");
    assert.deepEqual(rig.writtenAt(), [0, 50_000, 70_000]);
  });

  it("is one write for all that a sweep turned, though the results come one by one", async () => {
    const rig = createRig({ pools: { web: backends(4) }, checks: { web: { unhealthyThreshold: 1 } }, window: minute });
    for (const port of [8081, 8082, 8083, 8084]) {
      rig.scripts.set(port, (at) => at < 20_000 ? {} : { takes: (port - 8080) * 20, fails: "connection_refused" });
    }
    await runMinutes(rig, 1, "same");
    assert.deepEqual(rig.writtenAt(), [0, 20_080]);
    assert.ok(Object.values(rig.store.writes[1]!.health).every(({ status }) => status === "unhealthy"));
  });

  it("does not wait longer than a second for a slow probe of the same sweep", async () => {
    const rig = createRig({ pools: { web: backends(3) }, checks: { web: { timeout: 5_000 } } });
    rig.scripts.set(8081, { takes: 4_000 });
    rig.scripts.set(8082, { takes: 1_500 });
    await runFor(rig, 9_000);
    assert.deepEqual(rig.writtenAt(), [1_500, 4_000]);
    assert.deepEqual(Object.keys(rig.store.writes[0]!.health), ["c", "b"]);
  });

  it("is at most one write a second and pool, and what was held back comes with the next result", async () => {
    const flapping = { interval: 100, unhealthyThreshold: 1, healthyThreshold: 1 };
    const rig = createRig({ pools: { web: backends(1), api: backends(1) }, checks: { web: flapping, api: flapping } });
    rig.scripts.set(8081, (at) => (at / 100) % 2 === 1 ? refused : {});
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(10_050);
    for (const pool of ["web", "api"]) {
      assert.deepEqual(
        rig.store.writes.filter((write) => write.pool === pool).map(({ at }) => at - rig.store.writes[0]!.at),
        every(1_000, 11_000),
      );
    }
    stop.abort();
    await run;
  });

  it("is at the end of the window what was held back, a second after the last write", async () => {
    const rig = createRig({
      pools: { web: backends(1) },
      checks: { web: { interval: 59_500, timeout: 59_400, unhealthyThreshold: 1 } },
      window: minute,
    });
    rig.scripts.set(8081, (at) => at === 0 ? { takes: 59_200 } : { takes: 100, fails: "connection_refused" });
    let ended = false;
    const run = rig.sweeper.run().then(() => (ended = true));
    await rig.clock.advance(60_199);
    assert.deepEqual(rig.writtenAt(), [59_200]);
    assert.equal(ended, false);
    await rig.clock.advance(1);
    await run;
    assert.deepEqual(rig.writtenAt(), [59_200, 60_200]);
    assert.equal(rig.store.writes[1]!.health["a"]!.status, "unhealthy");
  });

  it("is never only a streak where the window does not end", async () => {
    const rig = createRig({ pools: { web: backends(1) } });
    rig.scripts.set(8081, drawn(".xx", 10_000));
    await runFor(rig, 25_000);
    assert.equal(rig.pools.current("web").health["a"]!.streak, 2);
    assert.deepEqual(rig.writtenAt(), [0]);
  });

  it("has its heartbeat where the window does not end, too", async () => {
    const rig = createRig({ pools: two });
    await runFor(rig, 1_800_000);
    assert.deepEqual(rig.writtenAt(), [0, 600_000, 1_200_000, 1_800_000]);
  });

  it("is no heartbeat while another process writes its own", async () => {
    const rig = createRig({ pools: two, window: minute });
    const other = rig.fresh();
    const start = rig.clock.now();
    for (let index = 0; index < 30; index++) {
      const run = (index % 2 === 0 ? rig : other).sweeper.run();
      await rig.clock.advance(58_000);
      await run;
      await rig.clock.advance(start + (index + 1) * 60_000 - rig.clock.now());
    }
    assert.deepEqual(rig.writtenAt(), [0, 600_000, 1_200_000]);
    assert.ok(gaps(rig).every((gap) => gap === 600_000));
  });
});

describe("a store that fails", () => {
  it("ends nothing: sweeps, judgements and transitions go on", async () => {
    const rig = createRig({ pools: two, checks: { web: { interval: 1_000 } } });
    rig.store.failsToRead = true;
    rig.store.failsToWrite = true;
    rig.scripts.set(8081, drawn(".xxx", 1_000));
    await runFor(rig, 9_999);
    assert.deepEqual(rig.probedAt(8081), every(1_000, 10_000));
    assert.deepEqual(eligible(rig.pools.current("web")).map(({ id }) => id), ["b"]);
    assert.ok(rig.messages().includes(down(8081)));
  });

  it("is told once in a row of failures, and again in the next", async () => {
    const rig = createRig({ pools: two, checks: { web: { interval: 1_000 } } });
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(500);
    for (let row = 0; row < 2; row++) {
      rig.store.failsToRead = true;
      await rig.clock.advance(5_000);
      rig.store.failsToRead = false;
      await rig.clock.advance(5_000);
    }
    stop.abort();
    await run;
    const read = "the health of pool web cannot be read; the last known state stays in force";
    assert.deepEqual(rig.messages().slice(1), [read, read]);
    assert.equal(rig.lines.at(-1)!.level, "warn");
    assert.ok(rig.lines.at(-1)!.properties?.["cause"] instanceof Error);
  });

  it("gets what it missed as soon as it works again, and is told of once in each row of failed writes", async () => {
    const rig = createRig({ pools: { web: backends(1) }, checks: { web: { interval: 1_000, unhealthyThreshold: 1 } } });
    rig.scripts.set(8081, drawn("..x....x..", 1_000));
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    for (const row of [1, 2]) {
      await rig.clock.advance(1_500);
      rig.store.failsToWrite = true;
      await rig.clock.advance(1_000);
      assert.equal(rig.store.writes.at(-1)!.health["a"]!.status, "healthy");
      rig.store.failsToWrite = false;
      await rig.clock.advance(1_000);
      assert.equal(rig.store.writes.at(-1)!.health["a"]!.status, "unhealthy");
      assert.equal(rig.messages().filter((message) => message.includes("cannot be written")).length, row);
      await rig.clock.advance(1_500);
    }
    stop.abort();
    await run;
    assert.deepEqual(rig.writtenAt(), [0, 3_000, 4_000, 8_000, 9_000]);
  });

  it("that is slow to write is waited for at the end of the window", async () => {
    const rig = createRig({ pools: { web: backends(1) }, checks: { web: { interval: 60_000 } }, window: minute });
    let ended = false;
    const { setHealth } = rig.pools;
    rig.pools.setHealth = async (...findings) => {
      await setHealth(...findings);
      await rig.clock.sleep(700);
    };
    const run = rig.sweeper.run().then(() => (ended = true));
    await rig.clock.advance(699);
    assert.equal(ended, false);
    await rig.clock.advance(1);
    assert.equal(ended, true);
    await run;
  });

  it("that is slow to write gets no second write meanwhile, and holds up no check", async () => {
    const rig = createRig({
      pools: { web: backends(1) },
      checks: { web: { interval: 1_000, unhealthyThreshold: 1, healthyThreshold: 1 } },
    });
    rig.scripts.set(8081, (at) => (at / 1_000) % 2 === 1 ? refused : {});
    let writing = 0;
    let most = 0;
    const { setHealth } = rig.pools;
    rig.pools.setHealth = async (name, health, sweptAt, persist) => {
      const done = setHealth(name, health, sweptAt, persist);
      if (persist) {
        most = Math.max(most, ++writing);
        await rig.clock.sleep(2_500);
        writing--;
      }
      await done;
    };
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(8_500);
    stop.abort();
    await rig.clock.advance(6_000);
    await run;
    assert.equal(most, 1);
    assert.deepEqual(rig.probedAt(8081), every(1_000, 9_000));
    assert.deepEqual(rig.writtenAt().slice(0, 3), [0, 3_000, 6_000]);
    assert.equal(rig.messages().length, 9);
  });

  it("is one thing, and a mistake of our own another: it is told each time, and the next sweep goes on", async () => {
    const pools = { web: backends(1), api: backends(2).slice(1) };
    const rig = createRig({ pools, checks: { web: { interval: 1_000 }, api: { interval: 1_000 } } });
    const { current } = rig.pools;
    let isMistaken = false;
    rig.pools.current = (name) => {
      if (isMistaken && name === "web") throw new TypeError("a mistake");
      return current(name);
    };
    const stop = new AbortController();
    const run = rig.sweeper.run(stop.signal);
    await rig.clock.advance(500);
    isMistaken = true;
    await rig.clock.advance(2_000);
    isMistaken = false;
    await rig.clock.advance(2_000);
    stop.abort();
    await run;
    assert.deepEqual(rig.probedAt(8081), [0, 3_000, 4_000]);
    assert.deepEqual(rig.probedAt(8082), [0, 1_000, 2_000, 3_000, 4_000]);
    assert.deepEqual(rig.messages().slice(1), ["a sweep of pool web failed", "a sweep of pool web failed"]);
    assert.equal(rig.lines.at(-1)!.level, "error");
  });
});
