import assert from "node:assert/strict";
import type { ConformanceCase, Stage, StagePlan } from "../case.ts";

type Name = "a" | "b" | "c";

/** A pool a policy, each under its own host. */
const byPolicy: StagePlan<Name> = {
  backends: ["a", "b", "c"],
  config({ a, b, c }) {
    const all = [a, b, c];
    const of: Record<string, Record<string, unknown>> = {
      least: { backends: all, policy: "least-connections" },
      p2c: { backends: all, policy: "p2c" },
      random: { backends: [{ url: a, weight: 8 }, b, c], policy: "random" },
      ewma: { backends: all, policy: "peak-ewma" },
      slow: { backends: all, policy: "peak-ewma" },
      first: { backends: [{ url: a, maxRequests: 1 }, b, c], policy: "first" },
      path: { backends: all, policy: { type: "hash", key: "path" } },
      header: { backends: all, policy: { type: "hash", key: "header:x-user" } },
      query: { backends: all, policy: { type: "hash", key: "query:id" } },
      cookie: { backends: all, policy: { type: "hash", key: "cookie:sid" } },
      address: { backends: all, policy: "hash" },
      bounded: { backends: all, policy: { type: "hash", key: "path", balanceFactor: 100 } },
      backup: { backends: [a, { url: b, priority: 1 }, { url: c, priority: 1 }], policy: "p2c" },
    };
    const named = Object.entries(of);
    return {
      listen: { port: 0, hostname: "127.0.0.1" },
      trustedProxies: ["127.0.0.2/32"],
      pools: Object.fromEntries(named.map(([name, pool]) => [name, { ...pool, healthCheck: false }])),
      routes: named.map(([name]) => ({ match: { host: `${name}.test` }, pool: name })),
    };
  },
};

type Options = Parameters<Stage<Name>["exchange"]>[0];

/** Who answers so many requests, one after the other. */
async function answers({ exchange }: Stage<Name>, times: number, options: (turn: number) => Options): Promise<string> {
  let names = "";
  for (let turn = 0; turn < times; turn++) names += (await exchange(options(turn))).body.toString();
  return names;
}

const count = (names: string, name: string) => names.split(name).length - 1;

/** Requests that wait at their backends until `release`. */
function held(stage: Stage<Name>) {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  for (const name of ["a", "b", "c"] as const) {
    stage.backends[name].handle(async (arrival) => {
      await released;
      await arrival.answer(200, [], name);
    });
  }
  return release;
}

/** Asks until "a" has a request, which waits there; gives back how to end that. */
async function occupied({ backends: { a }, exchange }: Stage<Name>, host: string): Promise<() => Promise<unknown>> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  a.handle(async (arrival) => {
    if (arrival === a.arrivals[0]) await released;
    await arrival.answer(200, [], "a");
  });
  const asked: Promise<unknown>[] = [];
  while (a.arrivals.length === 0) {
    const one = exchange({ host });
    asked.push(one);
    await Promise.race([one, a.arrival(0)]);
  }
  return () => {
    release();
    return Promise.all(asked);
  };
}

export const policyCases: readonly ConformanceCase[] = [
  {
    name: "policies: least-connections gives each of several at once to whom has the fewest",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const release = held(stage);
      const { a, b, c } = stage.backends;
      const asked = [];
      for (let turn = 0; turn < 6; turn++) {
        asked.push(stage.exchange({ host: "least.test" }));
        await Promise.race([a, b, c].map((backend) => backend.arrival(Math.floor(turn / 3))));
      }
      await Promise.all([a, b, c].map((backend) => backend.arrival(1)));
      release();
      const names = (await Promise.all(asked)).map(({ body }) => body.toString()).sort().join("");
      assert.equal(names, "aabbcc");
    },
  },
  {
    name: "policies: p2c, random and peak-ewma use all, random as often as the weights say",
    async run(context) {
      const stage = await context.stage(byPolicy);
      for (const policy of ["p2c", "random", "ewma"]) {
        const names = await answers(stage, 200, () => ({ host: `${policy}.test` }));
        for (const name of ["a", "b", "c"]) assert.ok(count(names, name) > 0, `${policy}: ${names}`);
        if (policy === "random") assert.ok(count(names, "a") > 100, names);
      }
    },
  },
  {
    name: "policies: p2c does not give more to who is busy",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const end = await occupied(stage, "p2c.test");
      const names = await answers(stage, 30, () => ({ host: "p2c.test" }));
      assert.equal(count(names, "a"), 0, names);
      await end();
    },
  },
  {
    name: "policies: peak-ewma gives little to who is slow",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const end = await occupied(stage, "slow.test");
      await answers(stage, 200, () => ({ host: "slow.test" })); // so long is slow, however fast the machine is
      await end();
      const names = await answers(stage, 40, () => ({ host: "slow.test" }));
      assert.ok(count(names, "a") <= 4, names);
    },
  },
  {
    name: "policies: first fills a backend up before it uses the next",
    async run(context) {
      const stage = await context.stage(byPolicy);
      assert.equal(await answers(stage, 5, () => ({ host: "first.test" })), "aaaaa");
      const release = held(stage);
      const first = stage.exchange({ host: "first.test" });
      await stage.backends.a.arrival(5);
      const second = stage.exchange({ host: "first.test" });
      await stage.backends.b.arrival(0);
      release();
      assert.deepEqual([(await first).body.toString(), (await second).body.toString()], ["a", "b"]);
    },
  },
  {
    name: "policies: hash keeps each key with one backend, and spreads the keys",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const kinds: readonly ((key: number) => Options)[] = [
        (key) => ({ host: "path.test", target: `/${key}` }),
        (key) => ({ host: "header.test", fields: [["X-User", `user ${key}`]] }),
        (key) => ({ host: "query.test", target: `/?a=1&id=${key}` }),
        (key) => ({ host: "cookie.test", fields: [["Cookie", `other=1; sid=${key}`]] }),
      ];
      for (const kind of kinds) {
        const names = await answers(stage, 24, kind);
        assert.equal(await answers(stage, 24, kind), names);
        assert.equal(new Set(names).size, 3, names);
      }
    },
  },
  {
    name: "policies: hash goes by the client's address, and without the key's field too",
    async run(context) {
      const stage = await context.stage(byPolicy);
      for (const host of ["address.test", "header.test"]) {
        const of = (from: string) => answers(stage, 4, () => ({ host, from }));
        const names = await Promise.all(Array.from({ length: 12 }, (_, index) => of(`127.0.0.${3 + index}`)));
        for (const four of names) assert.match(four, /^(.)\1{3}$/, "one client, one backend");
        assert.ok(new Set(names).size > 1, "several clients, several backends");
      }
    },
  },
  {
    name: "policies: hash goes by the client behind a trusted proxy, and not by the proxy",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const of = (client: string) =>
        answers(stage, 3, () => ({ host: "address.test", from: "127.0.0.2", fields: [["X-Forwarded-For", client]] }));
      const names = await Promise.all(Array.from({ length: 12 }, (_, index) => of(`6.6.6.6, 192.0.2.${index}`)));
      for (const three of names) assert.match(three, /^(.)\1{2}$/);
      assert.ok(new Set(names).size > 1, "several clients, several backends");
    },
  },
  {
    name: "policies: a bound on the load takes the next backend of a key that all want",
    async run(context) {
      const stage = await context.stage(byPolicy);
      const release = held(stage);
      const { a, b, c } = stage.backends;
      const asked = Array.from({ length: 6 }, () => stage.exchange({ host: "bounded.test", target: "/popular" }));
      await Promise.all([a, b, c].map((backend) => backend.arrival(1)));
      release();
      await Promise.all(asked);
      assert.deepEqual([a, b, c].map(({ arrivals }) => arrivals.length), [2, 2, 2]);
    },
  },
  {
    name: "policies: backups wait with each of them",
    async run(context) {
      assert.equal(await answers(await context.stage(byPolicy), 8, () => ({ host: "backup.test" })), "aaaaaaaa");
    },
  },
];
