import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { firstSweep, nextSweep } from "../../src/checks/cadence.ts";

const minute = 60_000;
const noon = Date.UTC(2026, 0, 1, 12);

describe("firstSweep", () => {
  const cases = [
    {
      name: "is at once where windows do not end",
      start: noon + 7,
      interval: 5 * minute,
      windowMs: Infinity,
      sweptAt: noon,
      offset: 0,
    },
    {
      name: "is at once when the interval fits into the window",
      start: noon + 7,
      interval: minute,
      windowMs: minute,
      sweptAt: noon,
      offset: 0,
    },
    {
      name: "is at once when the pool was never swept",
      start: noon + minute,
      interval: 5 * minute,
      windowMs: minute,
      sweptAt: undefined,
      offset: 0,
    },
    {
      name: "is in the minute of a multiple of a long interval",
      start: noon,
      interval: 5 * minute,
      windowMs: minute,
      sweptAt: 1,
      offset: 0,
    },
    {
      name: "is not in the minutes between",
      start: noon + minute,
      interval: 5 * minute,
      windowMs: minute,
      sweptAt: 1,
      offset: undefined,
    },
    {
      name: "takes a cron that is late for the minute it was meant for",
      start: noon + 29_000,
      interval: 5 * minute,
      windowMs: minute,
      sweptAt: 1,
      offset: 0,
    },
    {
      name: "takes a cron that is early for the minute it was meant for",
      start: noon - 900,
      interval: 5 * minute,
      windowMs: minute,
      sweptAt: 1,
      offset: 0,
    },
    {
      name: "keeps the place of a multiple within its minute",
      start: noon + minute + 300,
      interval: 90_000,
      windowMs: minute,
      sweptAt: 1,
      offset: 30_000,
    },
  ];
  for (const { name, start, interval, windowMs, sweptAt, offset } of cases) {
    it(name, () => {
      assert.equal(firstSweep(start, interval, windowMs, sweptAt), offset === undefined ? undefined : start + offset);
    });
  }

  it("sweeps once an interval, whatever interval over a minute, with windows up to 20 s off", () => {
    const off = fc.integer({ min: -20_000, max: 20_000 });
    fc.assert(
      fc.property(
        fc.integer({ min: minute + 1, max: 20 * minute }),
        fc.array(off, { minLength: 60, maxLength: 60 }),
        (interval, offs) => {
          const swept = offs.flatMap((ms, index) => {
            const start = noon + index * minute + ms;
            const at = firstSweep(start, interval, minute, 1);
            return at === undefined ? [] : [at - ms];
          });
          assert.deepEqual(swept, swept.map((_, index) => (Math.ceil(noon / interval) + index) * interval));
          assert.equal(swept.length, Math.ceil((noon + 60 * minute) / interval) - Math.ceil(noon / interval));
        },
      ),
    );
  });
});

describe("nextSweep", () => {
  const cases = [
    { name: "is one interval on", tick: 300, now: 300, next: 400 },
    { name: "keeps the cadence when the last began late", tick: 300, now: 399, next: 400 },
    { name: "leaves out what passed meanwhile", tick: 300, now: 650, next: 700 },
    { name: "does not sweep twice at one moment", tick: 300, now: 400, next: 500 },
    { name: "is not the same tick again when the timer fired early", tick: 300, now: 299, next: 400 },
    { name: "begins anew when the clock was set back", tick: 300, now: -5_000, next: -4_900 },
  ];
  for (const { name, tick, now, next } of cases) {
    it(name, () => assert.equal(nextSweep(tick, 100, now), next));
  }
});
