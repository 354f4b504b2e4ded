import type { StagePlan } from "./case.ts";

const listen = { port: 0, hostname: "127.0.0.1" };

/** One backend behind everything: what a single request and its answer must look like. Clients from 127.0.0.2 are trusted. */
export const plain: StagePlan<"main" | "dead"> = {
  backends: ["main", "dead"],
  config: (urls) => ({
    listen,
    trustedProxies: ["127.0.0.2/32"],
    pools: {
      web: { backends: [urls.main], healthCheck: false },
      base: { backends: [`${urls.main}/base`], healthCheck: false },
      slow: { backends: [urls.main], healthCheck: false, retry: { attempts: 0 }, timeouts: { response: "300ms" } },
      dead: { backends: [urls.dead], healthCheck: false },
      nobody: { backends: [{ url: urls.main, state: "maintenance" }], healthCheck: false },
    },
    routes: [
      { match: { host: "base.test" }, pool: "base" },
      { match: { host: "slow.test" }, pool: "slow" },
      { match: { host: "dead.test" }, pool: "dead" },
      { match: { host: "nobody.test" }, pool: "nobody" },
      { match: { host: "nowhere.test", path: "/somewhere" }, pool: "web" },
      { match: { host: "balancer.test" }, pool: "web" },
      { match: { host: "*.balancer.test" }, pool: "web" },
    ],
  }),
};

/** Three backends in many pools, one a host: who is picked, and who is tried next. A pool belongs to one case, so its turn is fresh. */
export const pools: StagePlan<"a" | "b" | "c"> = {
  backends: ["a", "b", "c"],
  config({ a, b, c }) {
    const all = [a, b, c];
    const of: Record<string, Record<string, unknown>> = {
      turns: { backends: all },
      crowd: { backends: all },
      weights: { backends: [{ url: a, weight: 5 }, b, c] },
      backups: { backends: [a, { url: b, priority: 1 }, { url: c, priority: 2 }] },
      states: { backends: [a, { url: b, state: "drain" }, { url: c, state: "maintenance" }] },
      weightless: { backends: [{ url: a, weight: 0 }, b, c] },
      pair: { backends: [a, b], policy: { type: "round-robin", start: "first" } },
      bounded: { backends: all },
      thrice: { backends: all, retry: { attempts: 2 } },
      puts: { backends: all, retry: { attempts: 2, methods: ["GET", "PUT"] } },
      patience: {
        backends: [a, b],
        policy: { type: "round-robin", start: "first" },
        timeouts: { response: "300ms" },
        retry: { on: ["timeout"] },
      },
      never: { backends: [a, b], policy: { type: "round-robin", start: "first" }, retry: { attempts: 0 } },
    };
    const named = Object.entries(of);
    return {
      listen,
      pools: Object.fromEntries(
        named.map(([name, pool]) => [name, { ...pool, healthCheck: false, outlierDetection: false }]),
      ),
      routes: named.map(([name]) => ({ match: { host: `${name}.test` }, pool: name })),
    };
  },
};

/** Routes of every kind over two backends. */
export const routed: StagePlan<"api" | "site"> = {
  backends: ["api", "site"],
  config: ({ api, site }) => ({
    listen,
    pools: { api: { backends: [api], healthCheck: false }, site: { backends: [site], healthCheck: false } },
    routes: [
      { match: { host: "app.test", path: "/api/*" }, pool: "api" },
      { match: { host: "app.test", path: "/exact" }, pool: "api" },
      { match: { host: "app.test", methods: ["DELETE", "PUT"] }, pool: "api" },
      { match: { host: "app.test", headers: { "x-beta": "1" } }, pool: "api" },
      { match: { host: "app.test" }, pool: "site" },
      { match: { host: "*.wild.test" }, pool: "api" },
      { match: { host: "strip.test", path: "/v1/*" }, pool: "api", stripPrefix: "/v1" },
      { match: { host: "add.test" }, pool: "api", addPrefix: "/inner" },
      { match: { host: "swap.test", path: "/old/*" }, pool: "api", stripPrefix: "/old", addPrefix: "/new" },
      {
        match: { host: "fields.test" },
        pool: "api",
        setRequestHeaders: { "x-set": "by the route", "x-taken": "by the route" },
        setResponseHeaders: { "x-answer": "by the route", "x-theirs": "by the route" },
      },
    ],
  }),
};

/** Small limits, a moved admin path, no access log. */
export const strict: StagePlan<"main"> = {
  backends: ["main"],
  config: ({ main }) => ({
    listen,
    limits: { bodyBytes: "10KiB" },
    admin: { path: "/-/balancer" },
    log: { access: false },
    pools: { web: { backends: [main], healthCheck: false } },
  }),
};
