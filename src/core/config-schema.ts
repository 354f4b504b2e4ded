import * as v from "valibot";
import { Backends } from "./config-backends.ts";
import { Listen, PoolTls } from "./config-connections.ts";
import * as values from "./config-values.ts";
import { policy } from "./config-policy.ts";
import {
  CircuitBreaker,
  Drain,
  Hedging,
  OutlierDetection,
  Retry,
  SessionAffinity,
  SlowStart,
} from "./config-resilience.ts";
import { Steering } from "./config-steering.ts";
import type { Traits } from "./ports.ts";
import { duration, percent, size, wholeNumber } from "./units.ts";
import { option, section } from "./validate.ts";

type Defaults = Pick<Traits, "start" | "healthCheck" | "probeConcurrency">;

const Limits = section({
  bodyBytes: option(size(), undefined, "The longest request body; none by default. More is a 413."),
  headBytes: option(size(1024), "16KiB", "The longest request head. More is a 431."),
  headTimeout: option(duration(1), "10s", "For a request's whole head."),
  idleTimeout: option(duration(1), "75s", "For a connection between two requests."),
  connections: option(
    wholeNumber(1),
    undefined,
    "Connections from clients at once, of each listener; not limited by default.",
  ),
});

const healthCheck = ({ probeConcurrency }: Defaults) =>
  v.pipe(
    section({
      type: option(
        values.oneOf(["http", "tcp"]),
        undefined,
        "http sends a request, tcp only connects; http if there is a path, else tcp.",
      ),
      path: option(values.target(), undefined, "What an http check asks for; /health by default."),
      method: option(values.method(), "GET", "The method of an http check."),
      headers: option(values.probeHeaders(), {}, "Header fields that an http check sends."),
      port: option(wholeNumber(1, 65535), undefined, "Where to check, if not on the backend's own port."),
      expectedStatuses: option(values.statuses(), "200-299", "Statuses that pass, with ranges and commas."),
      expectedBody: option(
        values.bodyPattern(),
        undefined,
        "A text or a /regular expression/ in the first 64 KiB of the answer.",
      ),
      interval: option(duration(100), "10s", "Between the starts of two sweeps."),
      timeout: option(duration(1), undefined, "For one whole check; 3s for http, 2s for tcp by default."),
      unhealthyThreshold: option(wholeNumber(1, 1000), 3, "Failed checks in a row that take a backend out."),
      healthyThreshold: option(wholeNumber(1, 1000), 2, "Passed checks in a row that bring it back."),
      jitter: option(percent(), "10%", "How far a single check may move within the interval."),
      concurrency: option(
        wholeNumber(1, 10_000),
        probeConcurrency,
        "Checks at the same time; 32, on Workers 6 by default.",
      ),
    }, "false or an object"),
    v.transform(({ type, path, port, expectedBody, timeout, ...rest }) => {
      const kind = type ?? (path === undefined ? "tcp" : "http");
      const patience = timeout ?? (kind === "http" ? 3_000 : 2_000);
      return { type: kind, path: path ?? "/health", port, expectedBody, timeout: patience, ...rest };
    }),
  );

const Timeouts = section({
  connect: option(duration(1), "3s", "To connect to a backend."),
  response: option(duration(1), "30s", "From the request fully sent to the answer's head."),
  request: option(
    duration(1),
    "60s",
    "For all tries together until the answer's head; the client's sending does not count.",
  ),
  idle: option(duration(0), 0, "Between two chunks of an answer; 0 is no limit."),
});

const pool = (defaults: Defaults) =>
  section({
    backends: Backends,
    policy: option(policy(defaults), "round-robin", "How a backend is chosen."),
    healthCheck: option(
      v.union([v.literal(false), healthCheck(defaults)], "false or an object"),
      defaults.healthCheck ? { type: "tcp" } : false,
      "How backends are checked; false turns it off, which is the default on Workers.",
    ),
    outlierDetection: option(
      v.union([v.literal(false), OutlierDetection], "false or an object"),
      {},
      "Takes out for a while whom proxied requests find broken, in this process; false turns it off.",
    ),
    retry: option(Retry, {}, "When a request is tried on another backend."),
    timeouts: option(Timeouts, {}, "How long a backend may take."),
    circuitBreaker: option(CircuitBreaker, {}, "How much the pool takes at once."),
    slowStart: option(SlowStart, {}, "How a backend that has come back is given its load."),
    drain: option(Drain, {}, "How a backend is emptied."),
    sessionAffinity: option(SessionAffinity, undefined, "Keeps a client's requests with one backend."),
    hedging: option(
      v.union([v.literal(false), Hedging], "false or an object"),
      false,
      "Sends a slow GET or HEAD to a second backend too.",
    ),
    panicThreshold: option(
      percent(),
      0,
      "Where fewer percent of the backends of the priority that serves are healthy, all of them are used; 0: never, and with nobody healthy it is a 503.",
    ),
    minHealthy: option(wholeNumber(1), 1, "With fewer eligible backends the pool is down, where a route has another."),
    host: option(
      values.hostField(),
      "upstream",
      "The Host field sent on: the backend's own, the client's (preserve), or a name.",
    ),
    protocol: option(
      values.oneOf(["http1", "h2", "h2c"]),
      "http1",
      "What is spoken to the backends: HTTP/1.1, or HTTP/2 with TLS (h2) or without (h2c).",
    ),
    tls: option(PoolTls, undefined, "How https backends are known, and what they are shown."),
  });

const Route = section({
  match: option(
    section({
      host: option(values.hostPattern(), undefined, "Without a port; *.example.com is one or more labels in front."),
      path: option(values.pathPattern(), undefined, "/api/* is /api and all below it; case-sensitive."),
      methods: option(
        v.pipe(v.array(values.method(), "a list of methods"), v.minLength(1, "at least one method")),
        undefined,
        "One of them.",
      ),
      headers: option(values.matchedHeaders(), undefined, "All of them, with exactly these values."),
    }),
    {},
    "What a request must be, all of it; everything by default.",
  ),
  pool: Steering,
  stripPrefix: option(values.pathPrefix(), undefined, "Taken off the path, at a slash."),
  addPrefix: option(values.pathPrefix(), undefined, "Put in front of the path."),
  setRequestHeaders: option(values.requestHeaders(), {}, "Set on the way to the backend."),
  setResponseHeaders: option(values.responseHeaders(), {}, "Set on the way to the client."),
  bodyBytes: option(size(), undefined, "In the place of limits.bodyBytes."),
});

const Admin = section({
  path: option(values.adminPath(), "/_roundabout", "Below it are livez and readyz."),
}, "false or an object");

const Store = v.union([
  v.literal("memory"),
  section({
    type: v.pipe(values.oneOf(["kv"]), v.description("A Workers KV namespace.")),
    binding: v.pipe(values.binding(), v.description("The name of its binding.")),
  }),
], '"memory" or an object with "type": "kv"');

const Log = section({
  level: option(values.oneOf(["debug", "info", "warn", "error"]), "info", "The least that is logged."),
  format: option(values.oneOf(["json", "pretty"]), undefined, "pretty on a terminal, else json by default."),
  access: option(v.boolean("true or false"), true, "A line for each request."),
  health: option(values.oneOf(["transitions", "all"]), "transitions", "all also logs each sweep."),
});

const Shutdown = section({
  timeout: option(duration(0), "10s", "For what is in flight; then it is cut."),
  preStopDelay: option(duration(0), 0, "From turning unready to no longer listening."),
});

/** The whole configuration: every key with its default, its bounds and its meaning. A few defaults are the runtime's. */
export const configSchema = (defaults: Defaults) =>
  v.pipe(
    section({
      $schema: option(v.string("a URL or a path"), undefined, "Where an editor finds this schema."),
      listen: option(Listen, {}, "Where clients connect: one listener or a list of them."),
      limits: option(Limits, {}, "What a client may send."),
      trustedProxies: option(
        v.array(values.network(), "a list of addresses and networks"),
        [],
        "Whose X-Forwarded-* and Forwarded are believed: addresses and networks in CIDR notation.",
      ),
      pools: v.pipe(
        v.record(values.poolName(), pool(defaults), "an object of pools by name"),
        v.description("Groups of backends that serve the same, by name."),
        v.minEntries(1, "at least one pool"),
      ),
      routes: option(
        v.pipe(v.array(Route, "a list of routes"), v.minLength(1, "at least one route")),
        undefined,
        "Tried in order, the first that matches wins. With one pool they can be left out, and everything goes to it.",
      ),
      admin: option(
        v.union([v.literal(false), Admin], "false or an object"),
        {},
        "The balancer's own paths; false: none.",
      ),
      store: option(Store, "memory", "Where pools are shared: not at all, or a Workers KV namespace."),
      log: option(Log, {}, "What is logged, and how."),
      shutdown: option(Shutdown, {}, "How the balancer ends."),
    }),
    v.transform(({ listen, limits, trustedProxies, pools, routes, admin, store, log, shutdown }) => {
      const complete = routes ?? catchAll(Object.keys(pools));
      return { listen, limits, trustedProxies, pools, routes: complete, admin, store, log, shutdown };
    }),
  );

const catchAll = (pools: readonly string[]) => pools.slice(0, 1).map((pool) => v.parse(Route, { pool }));
