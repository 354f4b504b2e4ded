import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FigureName, figures } from "../../src/sim/figures.ts";
import type { Played } from "../../src/sim/play.ts";
import { scenarios } from "../../src/sim/scenarios/index.ts";
import { playNamed, plotsFor, plotsOnPage, tableFor, tableOnPage } from "./page.ts";

/** A figure of a run; without a name, of the only one. */
type Read = (figure: FigureName, run?: string) => number;

interface Bound {
  readonly promise: string;
  hold(read: Read): void;
}

const atMost = (value: number, most: number) => assert.ok(value <= most, `${value} is more than ${most}`);
const atLeast = (value: number, least: number) => assert.ok(value >= least, `${value} is less than ${least}`);
const within = (value: number, from: number, to: number) => {
  atLeast(value, from);
  atMost(value, to);
};

/** Until a write is seen: its delay, the isolate's cache, and the isolate's next request but for one in a thousand. */
const spread = { soonest: 30, latest: 60 + 10 + 7 };
/** A check of something that hangs waits for its timeout. */
const timeout = 3;

const bounds: Readonly<Record<string, readonly Bound[]>> = {
  "power-of-two": [
    {
      promise: "the better of two has at most one more than ln ln n / ln 2 (Mitzenmacher)",
      hold(read) {
        for (const n of [100, 1000, 10_000]) atMost(read("peak", `p2c-${n}`), Math.log(Math.log(n)) / Math.LN2 + 1);
      },
    },
    {
      promise: "chance alone has ln n / ln ln n or more, and less than twice as much",
      hold(read) {
        for (const n of [100, 1000, 10_000]) {
          const expected = Math.log(n) / Math.log(Math.log(n));
          within(read("peak", `random-${n}`), expected, 2 * expected);
        }
      },
    },
    {
      promise: "a hundred isolates that know only of their own requests are nearly as uneven as chance",
      hold: (read) => atLeast(read("peak", "p2c-1000-of-100-isolates"), read("peak", "random-1000") - 1),
    },
  ],
  "slow-backend": [
    {
      promise: "who looks at what is in flight has at most a third of round-robin's p99",
      hold(read) {
        for (const policy of ["p2c", "least-connections", "peak-ewma"]) {
          atMost(read("p99", policy), read("p99", "round-robin") / 3);
        }
      },
    },
    {
      promise: "peak-ewma has the lowest p99, and least-connections a lower one than p2c",
      hold(read) {
        atMost(read("p99", "peak-ewma"), read("p99", "least-connections") * 0.9);
        atMost(read("p99", "least-connections"), read("p99", "p2c"));
      },
    },
    {
      promise: "nobody starves the slow one",
      hold(read) {
        for (const policy of ["p2c", "least-connections", "peak-ewma"]) atLeast(read("followedShare", policy), 0.2);
      },
    },
  ],
  "retry-storm": [
    {
      promise: "with the budget there are at most 1.2 tries for each request, with at least 100 in flight",
      hold(read) {
        atLeast(read("inFlight", "with-budget"), 100);
        atMost(read("amplification", "with-budget"), 1.2);
        atMost(read("worstAmplification", "with-budget"), 1.2);
      },
    },
    {
      promise: "with the budget errors are fewer than without retries, and end with the outage",
      hold(read) {
        atMost(read("errors", "with-budget"), 0.6 * read("errors", "no-retries"));
        atMost(read("errorTime", "with-budget"), 31);
      },
    },
    {
      promise: "without it retries multiply the load, and the pool does not recover when the outage is over",
      hold(read) {
        atLeast(read("amplification", "without-budget"), 2.5);
        atLeast(read("errorTime", "without-budget"), 60);
      },
    },
    {
      promise: "where what is left cannot carry the load, ejection needs a panic threshold",
      hold: (read) => atMost(read("errorTime", "budget-ejection-panic"), 31),
    },
  ],
  recovery: [
    {
      promise: "slow start at least halves the worst p99 of round-robin, and lowers that of the others",
      hold(read) {
        atMost(read("worstP99", "round-robin-slow-start"), read("worstP99", "round-robin") / 2);
        for (const policy of ["least-connections", "peak-ewma"]) {
          atMost(read("worstP99", `${policy}-slow-start`), 0.8 * read("worstP99", policy));
        }
      },
    },
  ],
  detection: [
    {
      promise: "requests find it out after five that failed, and no client sees one of them",
      hold(read) {
        assert.equal(read("failedTries", "by-requests"), 5);
        assert.equal(read("errors", "by-requests"), 0);
      },
    },
    {
      promise: "cron once a minute and fall 3: judged after 120 to 180 s",
      hold(read) {
        atLeast(read("judgedFirst", "cron-once-a-minute-fall-3"), 120);
        atMost(read("judgedLast", "cron-once-a-minute-fall-3"), 180 + timeout);
        atLeast(read("aroundFirst", "cron-once-a-minute-fall-3"), 120 + spread.soonest);
        atMost(read("aroundLast", "cron-once-a-minute-fall-3"), 180 + timeout + spread.latest);
      },
    },
    {
      promise: "cron once a minute and fall 1: judged within 60 s",
      hold(read) {
        atMost(read("judgedLast", "cron-once-a-minute-fall-1"), 60 + timeout);
        atMost(read("aroundLast", "cron-once-a-minute-fall-1"), 60 + timeout + spread.latest);
      },
    },
    {
      promise: "cron with sweeps of 10 s and fall 3: judged after 20 to 40 s, as streaks are kept from run to run",
      hold(read) {
        atLeast(read("judgedFirst", "cron-every-10s-fall-3"), 20);
        atMost(read("judgedLast", "cron-every-10s-fall-3"), 40 + timeout);
        atLeast(read("aroundFirst", "cron-every-10s-fall-3"), 20 + spread.soonest);
        atMost(read("aroundLast", "cron-every-10s-fall-3"), 40 + timeout + spread.latest);
      },
    },
    {
      promise: "a process that checks every 10 s with fall 3 knows after 20 to 34 s: its probes may each wait a second",
      hold(read) {
        atLeast(read("judgedFirst", "node-every-10s-fall-3"), 20);
        atMost(read("aroundLast", "node-every-10s-fall-3"), 30 + timeout + 1 + 1);
      },
    },
  ],
  flapping: [
    {
      promise: "fall 3 and rise 2 turn a tenth as often as 1 and 1",
      hold(read) {
        atLeast(read("transitions", "fall-1-rise-1"), 200);
        atMost(read("transitions", "fall-3-rise-2"), read("transitions", "fall-1-rise-1") / 10);
      },
    },
  ],
  hash: [
    {
      promise: "those of the one that left are moved, a tenth to 15 %, and nobody else",
      hold(read) {
        within(read("clientsMoved", "hash"), 500 * 0.85, 500 * 1.15);
        assert.equal(read("movedNeedlessly", "hash"), 0);
      },
    },
    { promise: "round-robin keeps nobody", hold: (read) => atLeast(read("clientsMoved", "round-robin"), 4000) },
  ],
  "thousand-isolates": [
    {
      promise: "by default two requests in a thousand see the dead one, and retries add at most 2 %",
      hold(read) {
        atMost(read("errors", "defaults") / read("requests", "defaults"), 0.002);
        atMost(read("amplification", "defaults"), 1.02);
        atLeast(read("errors", "no-retries"), 8 * read("errors", "defaults"));
      },
    },
    {
      promise: "the spread of round-robin is even to 5 %, though isolates know nothing of each other",
      hold: (read) => atMost(read("busiest", "defaults"), 1.05),
    },
    {
      promise: "checks by cron end it sooner",
      hold: (read) => atMost(read("errorTime", "defaults-and-cron"), read("errorTime", "defaults") - 20),
    },
  ],
  deploy: [
    {
      promise: "who is drained first is not missed; else who was being served sees it",
      hold(read) {
        assert.equal(read("errors", "drained"), 0);
        assert.ok(read("errors", "killed") > 0 && read("errors", "killed") < read("errors", "killed-no-retries"));
      },
    },
  ],
  tail: [
    {
      promise: "hedging takes a fifth off the p99 for a twentieth more tries",
      hold(read) {
        atMost(read("p99", "hedging"), 0.8 * read("p99", "no-hedging"));
        atMost(read("amplification", "hedging"), 1.051);
      },
    },
  ],
  million: [
    {
      promise: "has a million requests, and no client sees the outage in it",
      hold(read) {
        within(read("requests"), 990_000, 1_010_000);
        assert.equal(read("errors"), 0);
      },
    },
  ],
};

/** The first test of a scenario plays it. */
const patience = { timeout: 60_000 };

const readerOf = ({ runs, study }: Played): Read => (figure, name = "") => {
  const run = runs.find((one) => one.name === name)?.run;
  assert.ok(run, `there is a run "${name}"`);
  return figures[figure].of(run, study.followed) ?? Number.NaN;
};

it("every scenario has bounds", () => assert.deepEqual(Object.keys(bounds).sort(), Object.keys(scenarios).sort()));

for (const [name, promises] of Object.entries(bounds)) {
  describe(`the scenario ${name}`, () => {
    let played: Played | undefined;
    const once = () => (played ??= playNamed(name));

    for (const { promise, hold } of promises) it(promise, patience, () => hold(readerOf(once())));

    // On every runtime: the same seed gives the same run.
    it("is on the page as it is now; `node test/sim/page.ts` writes it there", patience, () => {
      assert.equal(tableOnPage(name), tableFor(once()));
      const plots = plotsOnPage(name);
      if (plots !== undefined) assert.ok(plots === plotsFor(once()), `docs/simulator/${name}.svg is another one`);
    });
  });
}
