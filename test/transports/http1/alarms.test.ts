import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Alarm, createAlarms } from "../../../src/transports/http1/alarms.ts";

interface Bell extends Alarm {
  readonly rung: Promise<void>;
  count: number;
}

/** Rings are counted, and the first one can be waited for. */
function createBell(onRing = () => {}): Bell {
  let tell = () => {};
  const rung = new Promise<void>((resolve) => (tell = resolve));
  const bell: Bell = {
    at: Number.POSITIVE_INFINITY,
    count: 0,
    rung,
    ring() {
      bell.count += 1;
      onRing();
      tell();
    },
  };
  return bell;
}

/** The timers of alarms keep no process alive: a socket does, and here this does. */
async function awake(run: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {}, 1000);
  await run().finally(() => clearInterval(timer));
}

describe("the alarms", () => {
  it("ring in the order of their moments, each once, whatever the order in which they are set", () =>
    awake(async () => {
      const alarms = createAlarms();
      const order: string[] = [];
      const bells = { late: 60, early: 10, middle: 35 };
      const rung = Object.entries(bells).map(([name, ms]) => {
        const bell = createBell(() => order.push(name));
        alarms.add(bell);
        alarms.set(bell, ms);
        return bell;
      });
      await Promise.all(rung.map((bell) => bell.rung));
      assert.deepEqual(order, ["early", "middle", "late"]);
      assert.ok(rung.every(({ at, count }) => at === Number.POSITIVE_INFINITY && count === 1));
    }));

  it("do not ring when they are called off, removed or put off", () =>
    awake(async () => {
      const alarms = createAlarms();
      const [off, gone, later, last] = [createBell(), createBell(), createBell(), createBell()];
      for (const bell of [off, gone, later, last]) alarms.add(bell);
      for (const bell of [off, gone, later]) alarms.set(bell, 5);
      off.at = Number.POSITIVE_INFINITY;
      alarms.remove(gone);
      alarms.set(later, 3_600_000);
      alarms.set(last, 30);
      await last.rung;
      assert.deepEqual([off.count, gone.count, later.count, last.count], [0, 0, 0, 1]);
    }));

  it("can set themselves, add others and remove others as they ring", () =>
    awake(async () => {
      const alarms = createAlarms();
      const added = createBell();
      const removed = createBell();
      let again = 0;
      const self = createBell(() => {
        again += 1;
        if (again > 1) return;
        alarms.set(self, 5);
        alarms.remove(removed);
        alarms.add(added);
        alarms.set(added, 15);
      });
      for (const bell of [self, removed]) alarms.add(bell);
      alarms.set(self, 5);
      alarms.set(removed, 10);
      await added.rung;
      assert.deepEqual([self.count, removed.count, added.count], [2, 0, 1]);
    }));

  it("ring for a moment that is nearer than the one they wait for", () =>
    awake(async () => {
      const alarms = createAlarms();
      const [far, near] = [createBell(), createBell()];
      for (const bell of [far, near]) alarms.add(bell);
      alarms.set(far, 3_600_000);
      alarms.set(near, 5);
      await near.rung;
      assert.equal(far.count, 0);
    }));

  it("wait longer than a timer can", () =>
    awake(async () => {
      const alarms = createAlarms();
      const [never, soon] = [createBell(), createBell()];
      for (const bell of [never, soon]) alarms.add(bell);
      alarms.set(never, 2 ** 40);
      alarms.set(soon, 5);
      await soon.rung;
      assert.equal(never.count, 0);
    }));
});
