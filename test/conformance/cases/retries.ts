import assert from "node:assert/strict";
import type { Stage } from "../case.ts";
import type { ConformanceCase } from "../case.ts";
import { plain, pools } from "../stages.ts";

type Name = "a" | "b" | "c";
const names: readonly Name[] = ["a", "b", "c"];

const counts = (backends: Stage<Name>["backends"]) => names.map((name) => backends[name].arrivals.length);
const total = (backends: Stage<Name>["backends"]) => counts(backends).reduce((sum, count) => sum + count, 0);

export const retryCases: readonly ConformanceCase[] = [
  {
    name: "retries: a GET goes on when a backend refuses",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      await backends.a.refuse();
      for (let turn = 0; turn < 4; turn += 1) {
        assert.equal((await exchange({ host: "pair.test" })).body.toString(), "b");
      }
      assert.equal(backends.b.arrivals.length, 4);
    },
  },
  {
    name: "retries: a GET goes on when a backend resets",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      backends.a.handle(({ socket }) => socket.resetAndDestroy());
      for (let turn = 0; turn < 4; turn += 1) {
        assert.equal((await exchange({ host: "pair.test" })).body.toString(), "b");
      }
      assert.equal(backends.b.arrivals.length, 4);
      assert.ok(backends.a.arrivals.length >= 1);
    },
  },
  {
    name: "retries: a GET and a HEAD go on after 502, 503 and 504, and after nothing else",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const method of ["GET", "HEAD"]) {
        for (const status of [502, 503, 504]) {
          backends.a.handle((arrival) => arrival.answer(status, [], "not me"));
          for (let turn = 0; turn < 2; turn += 1) {
            assert.equal((await exchange({ host: "pair.test", method })).status, 200);
          }
        }
      }
      backends.a.handle((arrival) => arrival.answer(500, [], "broken"));
      const seen = [await exchange({ host: "pair.test" }), await exchange({ host: "pair.test" })].map((response) =>
        response.status
      );
      assert.deepEqual(seen.sort(), [200, 500]);
    },
  },
  {
    name: "retries: when all fail, the last answer is passed on as it came",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const name of names) {
        backends[name].handle((arrival) =>
          arrival.answer(503, [["x-from", name], ["retry-after", "17"]], `${name} is busy`)
        );
      }
      const response = await exchange({ host: "thrice.test" });
      assert.equal(response.status, 503);
      assert.equal(response.body.toString(), `${response.field("x-from")} is busy`);
      assert.equal(response.field("retry-after"), "17");
      assert.deepEqual(counts(backends), [1, 1, 1], "each once");
    },
  },
  {
    name: "retries: no more backends are tried than attempts allow",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const name of names) backends[name].handle((arrival) => arrival.answer(503, [], "busy"));
      assert.equal((await exchange({ host: "bounded.test" })).status, 503);
      assert.equal(total(backends), 2);
      assert.equal((await exchange({ host: "never.test" })).status, 503);
      assert.equal(total(backends), 3);
    },
  },
  {
    name: "retries: a POST that may have been executed is not sent again",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const name of names) {
        backends[name].handle(async (arrival) => (await arrival.body(), arrival.socket.resetAndDestroy()));
      }
      for (let turn = 1; turn <= 3; turn += 1) {
        assert.equal((await exchange({ host: "thrice.test", method: "POST", body: "pay" })).status, 502);
        assert.equal(total(backends), turn);
      }
    },
  },
  {
    name: "retries: a POST that was answered with 503 is not sent again",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const name of names) backends[name].handle((arrival) => arrival.answer(503, [], `${name} is busy`));
      const response = await exchange({ host: "thrice.test", method: "POST", body: "pay" });
      assert.equal(response.status, 503);
      assert.match(response.body.toString(), /is busy/);
      assert.equal(total(backends), 1);
    },
  },
  {
    name: "retries: a POST goes on with its whole body when a backend refuses",
    gaps: { workers: "fetch on Workers does not tell a refused connection from one that broke later" },
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      await backends.a.refuse();
      const body = "all of it ".repeat(3000);
      for (let turn = 0; turn < 4; turn += 1) {
        assert.equal((await exchange({ host: "pair.test", method: "POST", body })).body.toString(), "b");
        assert.equal((await backends.b.arrivals[turn]?.body())?.bytes.toString(), body);
      }
      assert.equal(backends.b.arrivals.length, 4);
    },
  },
  {
    name: "retries: a large upload is sent whole or not at all, and once",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      await backends.a.refuse();
      const body = "too much to keep ".repeat(40_000);
      let answered = 0;
      for (let turn = 0; turn < 4; turn += 1) {
        const response = await exchange({ host: "pair.test", method: "POST", body });
        assert.ok([200, 502].includes(response.status), `${response.status}`);
        if (response.status === 200) answered += 1;
      }
      assert.equal(backends.b.arrivals.length, answered);
      for (const arrival of backends.b.arrivals) assert.equal((await arrival.body()).bytes.length, body.length);
    },
  },
  {
    name: "retries: a body is kept for a method that may be sent again",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      const seen: string[] = [];
      for (const name of names) {
        backends[name].handle(async (arrival) => {
          seen.push((await arrival.body()).bytes.toString());
          await arrival.answer(seen.length < 3 ? 503 : 200, [], name);
        });
      }
      const body = "the same each time ".repeat(100);
      assert.equal((await exchange({ host: "puts.test", method: "PUT", body })).status, 200);
      assert.deepEqual(seen, [body, body, body]);
      assert.deepEqual(counts(backends), [1, 1, 1]);
    },
  },
  {
    name: "retries: each try carries the forwarding fields once",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      for (const name of names) backends[name].handle((arrival) => arrival.answer(503, [], "busy"));
      await exchange({ host: "thrice.test" });
      const arrivals = names.flatMap((name) => backends[name].arrivals);
      assert.equal(arrivals.length, 3);
      for (const arrival of arrivals) {
        assert.deepEqual(arrival.all("x-forwarded-for"), ["127.0.0.1"]);
        assert.deepEqual(arrival.all("via"), ["1.1 roundabout"]);
      }
      assert.equal(new Set(arrivals.map((arrival) => arrival.field("x-request-id"))).size, 1, "one request, one id");
    },
  },
  {
    name: "retries: a backend that takes too long is passed over where timeouts may be retried",
    async run(context) {
      const { exchange, backends } = await context.stage(pools);
      backends.a.handle(() => new Promise(() => {}));
      for (let turn = 0; turn < 2; turn += 1) {
        assert.equal((await exchange({ host: "patience.test" })).body.toString(), "b");
      }
    },
  },
  {
    name: "retries: a stale connection does not fail a GET and does not repeat a POST",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const { main } = backends;
      for (let round = 0; round < 5; round += 1) {
        main.reset();
        assert.equal((await exchange({ target: "/warm" })).status, 200);
        const used = main.arrivals[0]?.connection;
        // The backend lets the connection go at the moment the next request comes in on it.
        main.handle((
          arrival,
        ) => (arrival.connection === used ? arrival.socket.resetAndDestroy() : arrival.answer(200, [], "fresh")));
        assert.equal((await exchange({ target: "/get" })).body.toString(), "fresh");
        main.reset();
        assert.equal((await exchange({ target: "/warm" })).status, 200);
        const next = main.arrivals[0]?.connection;
        main.handle((
          arrival,
        ) => (arrival.connection === next ? arrival.socket.resetAndDestroy() : arrival.answer(200, [], "fresh")));
        const response = await exchange({ method: "POST", target: "/post", body: "once" });
        assert.ok([200, 502].includes(response.status));
        assert.equal(main.arrivals.filter((arrival) => arrival.method === "POST").length, 1);
      }
    },
  },
];
