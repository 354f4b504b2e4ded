import assert from "node:assert/strict";
import { within } from "../../support/wait.ts";
import type { ConformanceCase, StagePlan } from "../case.ts";

const place = { by: "country", pools: { DE: "one", FR: ["down", "two"] }, fallback: "three", header: "x-country" };

/** A pool a backend, and routes that choose between them. */
const steered: StagePlan<"a" | "b" | "c"> = {
  backends: ["a", "b", "c"],
  config({ a, b, c }) {
    const of: Record<string, unknown> = {
      list: ["down", "small", "two", "one"],
      weights: [{ pool: "one", weight: 0 }, { pool: "two", weight: 5 }],
      split: [{ pool: "one" }, { pool: "two" }],
      halves: [{ pool: "down", weight: 1000 }, { pool: "two", weight: 1 }],
      place,
      continent: { ...place, by: "continent", pools: { EU: "one" } },
      colo: { ...place, by: "colo", pools: { FRA: "two" } },
      nowhere: ["down"],
    };
    const pool = { healthCheck: false };
    return {
      listen: { port: 0, hostname: "127.0.0.1" },
      trustedProxies: ["127.0.0.2/32"],
      pools: {
        one: { backends: [a], ...pool },
        two: { backends: [b], ...pool },
        three: { backends: [c], ...pool },
        down: { backends: [{ url: a, state: "maintenance" }], ...pool },
        small: { backends: [a], minHealthy: 2, ...pool },
        breaking: {
          backends: [a, c],
          minHealthy: 2,
          retry: { attempts: 0 },
          outlierDetection: { consecutiveErrors: 1 },
          ...pool,
        },
      },
      routes: [
        ...Object.entries(of).map(([host, pools]) => ({ match: { host: `${host}.test` }, pool: pools })),
        { match: { host: "breaking.test" }, pool: ["breaking", "two"] },
      ],
    };
  },
};

export const steeringCases: readonly ConformanceCase[] = [
  {
    name: "steering: a list of pools is tried in order, past those that are down or have too few",
    async run(context) {
      const { exchange } = await context.stage(steered);
      assert.equal((await exchange({ host: "list.test" })).body.toString(), "b");
      assert.equal((await exchange({ host: "nowhere.test" })).status, 503);
    },
  },
  {
    name: "steering: when a pool goes down while requests run, the next one takes over",
    async run(context) {
      const { exchange, backends } = await context.stage(steered);
      backends.a.handle((arrival) => arrival.answer(503, [], "down"));
      const names = await within(
        8000,
        "backend b",
        (async () => {
          for (let names = "";;) {
            names += (await exchange({ host: "breaking.test" })).body.toString().slice(0, 1);
            if (names.endsWith("bbb")) return names;
          }
        })(),
      );
      assert.match(names, /^c?dbbb$/, "one request has to find it out");
    },
  },
  {
    name: "steering: a split gives each client one pool, by weight, and nobody one that is down or has no weight",
    async run(context) {
      const { exchange } = await context.stage(steered);
      const from = (index: number) => `127.0.0.${10 + index}`;
      const of = async (host: string, index: number) =>
        (await exchange({ host: `${host}.test`, from: from(index) })).body.toString();
      const clients = Array.from({ length: 16 }, (_, index) => index);
      const first = await Promise.all(clients.map((client) => of("split", client)));
      assert.deepEqual(await Promise.all(clients.map((client) => of("split", client))), first, "and keeps it");
      assert.deepEqual([...new Set(first)].sort(), ["a", "b"]);
      for (const host of ["weights", "halves"]) {
        assert.deepEqual(new Set(await Promise.all(clients.map((client) => of(host, client)))), new Set(["b"]), host);
      }
    },
  },
  {
    name: "steering: a place decides where a trusted proxy tells it, and else the fallback",
    async run(context) {
      const { exchange } = await context.stage(steered);
      const asked = async (country: string, from: string) =>
        (await exchange({ host: "place.test", from, fields: [["X-Country", country]] })).body.toString();
      const trusted = await Promise.all(["DE", "de", "FR", "US"].map((country) => asked(country, "127.0.0.2")));
      assert.deepEqual(trusted, ["a", "a", "b", "c"]);
      assert.equal(await asked("DE", "127.0.0.3"), "c", "a stranger's word counts for nothing");
      assert.equal((await exchange({ host: "place.test" })).body.toString(), "c");
      for (const [host, code, name] of [["continent", "EU", "a"], ["colo", "FRA", "b"]] as const) {
        const fields = [["X-Country", code]] as const;
        const response = await exchange({ host: `${host}.test`, from: "127.0.0.2", fields: [...fields] });
        assert.equal(response.body.toString(), name);
      }
    },
  },
];
