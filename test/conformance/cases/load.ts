import assert from "node:assert/strict";
import type { RawResponse } from "../../support/raw-client.ts";
import { eventually, within } from "../../support/wait.ts";
import type { ConformanceCase, Stage, StagePlan } from "../case.ts";

type Name = "a" | "b";

const loaded: StagePlan<Name> = {
  backends: ["a", "b"],
  config({ a, b }) {
    const both = [a, b];
    const first = { type: "round-robin", start: "first" };
    const of: Record<string, Record<string, unknown>> = {
      room: { backends: [{ url: a, maxRequests: 1 }, { url: b, maxRequests: 1 }] },
      breaker: { backends: both, circuitBreaker: { maxRequests: 1, maxPending: 1 } },
      impatient: { backends: both, circuitBreaker: { maxRequests: 1, maxPending: 5 }, timeouts: { request: "300ms" } },
      budget: { backends: both, retry: { budget: { percent: 0, minConcurrent: 0 } } },
      key: { backends: both, policy: first },
      later: { backends: both, policy: first },
      hedged: { backends: both, policy: first, hedging: { delay: "100ms", maxPercent: 100 } },
      usual: { backends: both, policy: first, hedging: { maxPercent: 100 } },
      seldom: { backends: both, policy: first, hedging: { delay: "100ms", maxPercent: 0 } },
    };
    return {
      listen: { port: 0, hostname: "127.0.0.1" },
      pools: Object.fromEntries(
        Object.entries(of).map(([name, pool]) => [name, { ...pool, healthCheck: false, outlierDetection: false }]),
      ),
      routes: Object.keys(of).map((name) => ({ match: { host: `${name}.test` }, pool: name })),
    };
  },
};

/** Requests that wait at both backends until `release`. */
function held({ backends }: Stage<Name>) {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  for (const name of ["a", "b"] as const) {
    backends[name].handle(async (arrival) => {
      await released;
      await arrival.answer(200, [], name);
    });
  }
  return release;
}

const arrivals = ({ backends }: Stage<Name>) => backends.a.arrivals.length + backends.b.arrivals.length;

export const loadCases: readonly ConformanceCase[] = [
  {
    name: "load: a backend gets no more at once than it takes, and where none has room it is a 503 with Retry-After",
    async run(context) {
      const stage = await context.stage(loaded);
      const release = held(stage);
      const asked = [stage.exchange({ host: "room.test" }), stage.exchange({ host: "room.test" })];
      await Promise.all([stage.backends.a.arrival(0), stage.backends.b.arrival(0)]);
      const refused = await stage.exchange({ host: "room.test" });
      assert.equal(refused.status, 503);
      assert.match(refused.field("retry-after") ?? "", /^[1-9]\d*$/);
      assert.equal(refused.field("proxy-status"), "roundabout; error=connection_limit_reached");
      release();
      assert.deepEqual((await Promise.all(asked)).map(({ status }) => status), [200, 200]);
      assert.equal((await stage.exchange({ host: "room.test" })).status, 200, "and there is room again");
    },
  },
  {
    name: "load: beyond a pool's most requests so many wait as may, and others are told at once",
    async run(context) {
      const stage = await context.stage(loaded);
      const release = held(stage);
      const first = stage.exchange({ host: "breaker.test" });
      await Promise.race([stage.backends.a.arrival(0), stage.backends.b.arrival(0)]);
      const others = [1, 2, 3].map(() => stage.exchange({ host: "breaker.test" }));
      const refused: RawResponse[] = [];
      for (const other of others) void other.then((response) => response.status === 503 && refused.push(response));
      await eventually(8000, "two refusals", async () => (refused.length === 2 ? true : undefined));
      assert.match(refused[0]!.field("retry-after") ?? "", /^[1-9]\d*$/);
      assert.equal(arrivals(stage), 1);
      release();
      const statuses = (await Promise.all([first, ...others])).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, 200, 503, 503]);
    },
  },
  {
    name: "load: who waits for a place does so no longer than a request may take, nor than its client",
    gaps: { workers: "an answer is in flight until its head, because workerd does not tell its end" },
    async run(context) {
      const stage = await context.stage(loaded);
      for (const name of ["a", "b"] as const) {
        stage.backends[name].handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe"));
      }
      const first = await stage.connect();
      await first.send("GET / HTTP/1.1\r\nHost: impatient.test\r\n\r\n");
      await first.head();
      const leaver = await stage.connect();
      await leaver.send("GET / HTTP/1.1\r\nHost: impatient.test\r\n\r\n");
      leaver.reset();
      assert.equal((await stage.exchange({ host: "impatient.test" })).status, 503);
      assert.equal(arrivals(stage), 1);
      const release = held(stage);
      release();
      first.reset();
      await within(
        8000,
        "a place again",
        (async () => {
          while ((await stage.exchange({ host: "impatient.test" })).status !== 200);
        })(),
      );
    },
  },
  {
    name: "load: no further tries beyond the retry budget",
    async run(context) {
      const stage = await context.stage(loaded);
      for (const name of ["a", "b"] as const) stage.backends[name].handle((arrival) => arrival.answer(503, [], name));
      assert.equal((await stage.exchange({ host: "budget.test" })).status, 503);
      assert.equal(arrivals(stage), 1);
    },
  },
  {
    name: "load: a POST with an Idempotency-Key is tried again, with its body, and one without is not",
    async run(context) {
      const stage = await context.stage(loaded);
      stage.backends.a.handle((arrival) => arrival.answer(503, [], "busy"));
      const post = { host: "key.test", method: "POST", body: "once" } as const;
      assert.equal((await stage.exchange({ ...post, fields: [["Idempotency-Key", "1"]] })).body.toString(), "b");
      const [arrival] = stage.backends.b.arrivals;
      assert.equal((await arrival!.body()).bytes.toString(), "once");
      assert.equal(arrival!.field("idempotency-key"), "1");
      const statuses = [await stage.exchange(post), await stage.exchange(post)].map(({ status }) => status);
      assert.deepEqual(statuses.sort(), [200, 503]);
    },
  },
  {
    name: "load: a Retry-After of a second is waited for before another backend is asked, a longer one is not",
    async run(context) {
      const stage = await context.stage(loaded);
      const order: string[] = [];
      for (const name of ["a", "b"] as const) {
        stage.backends[name].handle((arrival) => {
          order.push(arrival.target);
          return arrival.answer(503, [["Retry-After", arrival.target.slice(1)]], "busy");
        });
      }
      const begun = Date.now();
      const second = stage.exchange({ host: "later.test", target: "/1" });
      await Promise.race([stage.backends.a.arrival(0), stage.backends.b.arrival(0)]);
      const hour = await stage.exchange({ host: "later.test", target: "/3600" });
      assert.deepEqual([hour.status, (await second).status], [503, 503]);
      const elapsed = Date.now() - begun;
      assert.ok(elapsed >= 900, `${elapsed} ms`);
      // Had the other one waited a second too, it would have come after the one that began to wait before it.
      assert.deepEqual(order, ["/1", "/3600", "/3600", "/1"]);
    },
  },
  {
    name: "load: a slow GET is asked of a second backend too; who answers first wins, and the other is given up",
    async run(context) {
      const stage = await context.stage(loaded);
      stage.backends.a.handle(() => {});
      const response = await stage.exchange({ host: "hedged.test" });
      const isSecond = stage.backends.a.arrivals.length === 0;
      const hedged = isSecond ? await stage.exchange({ host: "hedged.test" }) : response;
      assert.equal(hedged.body.toString(), "b");
      const slow = await stage.backends.a.arrival(0);
      await within(8000, "the end of what lost", slow.closed);
    },
  },
  {
    name: "load: by default what 95 of 100 answers need is slow, once enough have come",
    async run(context) {
      const stage = await context.stage(loaded);
      for (let turn = 0; turn < 24; turn++) await stage.exchange({ host: "usual.test" });
      stage.backends.a.handle(() => {});
      const names = [await stage.exchange({ host: "usual.test" }), await stage.exchange({ host: "usual.test" })];
      assert.deepEqual(names.map(({ body }) => body.toString()), ["b", "b"]);
    },
  },
  {
    name: "load: a backend that sheds its load is no better answer than a slow one",
    async run(context) {
      const stage = await context.stage(loaded);
      let [release, shed] = [() => {}, () => {}];
      const released = new Promise<void>((resolve) => (release = resolve));
      const isShed = new Promise<void>((resolve) => (shed = resolve));
      let asked = 0;
      for (const name of ["a", "b"] as const) {
        stage.backends[name].handle(async (arrival) => {
          if (arrival.target === "/slow" && ++asked > 1) return await arrival.answer(503, [], "busy").then(shed);
          if (arrival.target === "/slow") await released;
          await arrival.answer(200, [], name);
        });
      }
      const response = stage.exchange({ host: "hedged.test", target: "/slow" });
      await within(8000, "a hedge", isShed);
      await stage.exchange({ host: "key.test" }); // sent after the 503: once it is answered, that was taken in
      release();
      assert.equal((await response).status, 200);
      assert.equal(asked, 2);
    },
  },
  {
    name: "load: beyond its share, and for a POST, a slow request is asked once",
    async run(context) {
      const stage = await context.stage(loaded);
      const release = held(stage);
      const asked = [
        stage.exchange({ host: "seldom.test", target: "/seldom" }),
        stage.exchange({ host: "hedged.test", target: "/post", method: "POST", body: "x" }),
      ];
      const count = (number: number) =>
        eventually(8000, `${number} arrivals`, async () => (arrivals(stage) >= number ? true : undefined));
      await count(2);
      // As long a delay that begins later ends later: once this one is asked twice, theirs are over.
      asked.push(stage.exchange({ host: "hedged.test", target: "/get" }));
      await count(4);
      release();
      assert.deepEqual((await Promise.all(asked)).map(({ status }) => status), [200, 200, 200]);
      const { a, b } = stage.backends;
      const targets = [...a.arrivals, ...b.arrivals].map(({ target }) => target).sort();
      assert.deepEqual(targets, ["/get", "/get", "/post", "/seldom"]);
    },
  },
];
