import { type Context, Hono } from "hono";
import type { Check } from "../checks/probe.ts";
import { createSweeper } from "../checks/sweep.ts";
import type { Config } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import { type Keyed, networkOf } from "../core/keys.ts";
import type { Pools } from "../core/pool.ts";
import type { Client, Ports, RequestBody, Transport, WebSockets } from "../core/ports.ts";
import { compileRoutes, rewrite, type Route } from "../core/routes.ts";
import { createSteering } from "../core/steering.ts";
import { bodyOf } from "../proxy/body.ts";
import type { Forwarding } from "../proxy/forward.ts";
import { editRequest, type Sender } from "../proxy/headers.ts";
import { inspect, type Inspected } from "../proxy/inspect.ts";
import { forwardWithRetries } from "../proxy/retry.ts";
import { cameByHttps, clientAddress, createTrust, placeOf } from "../proxy/trust.ts";
import { createPools } from "../stores/pools.ts";
import { isSwitched } from "../transports/websocket/switched.ts";
import { adminApp } from "./admin.ts";
import { createServed, type Served } from "./served.ts";
import { takeSlot } from "./take-slot.ts";
import { createObserver } from "./observe.ts";
import { asProxyError, problem } from "./problem.ts";
import { withFields } from "./with-fields.ts";

/** The house: the same two doors on every runtime, and the app to mount in one's own. */
export interface LoadBalancer {
  readonly app: Hono;
  /** The pools as they are now; `setBackends` changes one while requests run. */
  readonly pools: Pools;
  fetch(request: Request, env?: unknown, context?: unknown): Response | Promise<Response>;
  /** One window of sweeps: a minute where cron calls, until the signal or `close()` elsewhere. */
  scheduled(signal?: AbortSignal): Promise<void>;
  /** Where no cron calls: runs `scheduled()` until `close()`. */
  start(): void;
  /** Stops the health checks and turns readiness to 503; resolves when nothing is in flight any more. */
  close(): Promise<void>;
  /** Requests that came in and whose answers have not ended, WebSockets among them. */
  inFlight(): number;
  readonly webSockets: Pick<WebSockets, "count" | "goAway">;
}

/** Joins the two corridors: requests go through `fetch`, health through `scheduled`, and they meet in the pools. */
export function createLoadBalancer(config: Config, ports: Ports): LoadBalancer {
  const { clock, random, traits, log, webSockets } = ports;
  const pools = createPools(mapValues(config.pools, (pool) => pool.backends), ports);
  const served = mapValues(config.pools, (pool, name) => createServed(name, pool, pools, ports));
  const checks = checksOf(served);
  const sweeper = createSweeper(pools, checks, ports, {
    logSweeps: config.log.health === "all",
    // That a port is open says less than the requests did that failed there.
    onPassed: (pool, { id }, begunAt) =>
      checks.get(pool)?.type === "http" && served[pool]!.balancer.checkPassed(id, begunAt),
  });
  const states = {
    isUp: (name: string) => served[name]!.isUp(),
    hasAny: (name: string) => served[name]!.balancer.candidates(pools.current(name)).length > 0,
  };
  const routeOf = compileRoutes(config.routes);
  const steerings = new Map(config.routes.map(({ pool }) => [pool, createSteering(pool, states)]));
  const isTrusted = createTrust(config.trustedProxies);
  const headBytes = traits.headLimit === "app" ? config.limits.headBytes : undefined;
  const observer = createObserver(config.log.access, ports);
  const closing = new AbortController();

  /** A request from door to door: listen, route, pick, forward, observe, respond. */
  async function handle(context: Context): Promise<Response> {
    const request = context.req.raw;
    const client = ports.client(context);
    const headers = client.raw?.headers ?? request.headers;
    const trusted = isTrusted(client.address);
    const requestId = (trusted && headers.get("x-request-id")) || ports.newId();
    const observed = observer.begin(request, requestId);
    let inUse: Served | undefined;
    let leaveSlot: (() => void) | undefined;
    try {
      const asked = inspect(request, client.raw, client.raw?.unbounded ? config.limits.headBytes : headBytes);
      observed.asked(asked.host, asked.path);

      const route = routeOf(asked);
      if (route === undefined) throw new ProxyError("no_route");
      const { names, choose } = steerings.get(route.pool)!;
      const refreshing = refreshAll(names);
      if (refreshing !== undefined) await refreshing;
      // Who has no address cannot be known again: each of its requests is another client.
      const peer = client.address;
      const address = (trusted ? clientAddress(peer, headers.get("x-forwarded-for"), isTrusted) : peer) ?? requestId;
      const steered = { client: () => networkOf(address), place: placeOf(client, headers, trusted) };
      const pool = inUse = served[choose(steered)]!;

      const proto = (client.secure ?? request.url.startsWith("https:")) ? "https" : "http";
      const port = client.port ?? (proto === "https" ? 443 : 80);
      const sender = { address: client.address, trusted, proto, host: asked.host, port, requestId } as const;
      const reading = bodyOf(request, client.raw, {
        keepBytes: pool.config.retry.maxBodyBytes,
        maxBytes: route.bodyBytes ?? config.limits.bodyBytes,
        readBytes: traits.readBytes,
      });
      const body = reading === undefined ? undefined : await reading;
      const forwarding = forwardingOf(asked, client, body, sender, route, pool);

      const { affinity, slots } = pool;
      const { backends } = pools.current(pool.name);
      const keyed: Keyed = { address, path: asked.path, query: asked.query, headers };
      const session = affinity === undefined
        ? undefined
        : await affinity.find(keyed, backends.filter(pool.keepsSessions));
      const startedAt = clock.now();
      if (slots !== undefined) {
        leaveSlot = await takeSlot(slots, forwarding.incoming, pool.config.timeouts.request, clock);
      }
      const transport: Transport = asked.upgrade === undefined
        ? ports.transport
        : (incoming, outgoing) => webSockets.open(context, incoming, outgoing);
      const scope = {
        ...pool,
        pool: () => pools.current(pool.name),
        ask: { key: () => pool.key(keyed), wanted: session?.backend, bound: session?.bound },
        transport,
        clock,
        startedAt,
        random,
        onPick: observed.picked,
        onFailure: observed.backendFailed,
      };
      const { response, backend, isLent } = await forwardWithRetries(forwarding, scope, (bytes, error) => {
        leaveSlot?.();
        if (traits.cancelsBodies) body?.abandon?.();
        observed.ended(bytes, error);
      });

      observed.answered(isSwitched(response) ? 101 : response.status, backend);
      const cookie = isLent ? undefined : session?.settled(backend.id, cameByHttps(sender, headers));
      return withFields(response, route.setResponseHeaders, cookie);
    } catch (thrown) {
      const error = asProxyError(thrown);
      leaveSlot?.();
      observed.failed(error);
      return problem(error, {
        requestId,
        accept: headers.get("accept"),
        retryAfter: secondsToNextSweep(inUse),
      });
    }
  }

  /** `undefined` when there is nothing to wait for. */
  function refreshAll(names: readonly string[]): Promise<unknown> | undefined {
    let all: Promise<unknown> | undefined;
    for (const name of names) {
      const one = pools.refresh(name);
      if (one !== undefined) all = all === undefined ? one : Promise.all([all, one]);
    }
    return all;
  }

  function secondsToNextSweep(inUse: Served | undefined): number {
    if (inUse === undefined || inUse.config.healthCheck === false) return 1;
    const { sweptAt } = pools.current(inUse.name);
    const next = (sweptAt ?? clock.now()) + inUse.config.healthCheck.interval;
    return Math.max(1, Math.ceil((next - clock.now()) / 1000));
  }

  const isSwept = async () => {
    await Promise.all([...checks.keys()].map((name) => pools.refresh(name)));
    return [...checks.keys()].every((name) => pools.current(name).sweptAt !== undefined);
  };
  const readiness = { isDraining: () => closing.signal.aborted, isSwept };

  const app = new Hono();
  if (config.admin !== false) app.route(config.admin.path, adminApp(readiness));
  app.all("*", handle);

  for (const name in config.pools) {
    if (!checks.has(name) && !traits.healthCheck) {
      log.info(`pool ${name} is not checked: only failed requests tell that a backend is down`, { pool: name });
    }
  }

  for (const { pool } of config.routes) {
    if (
      pool.kind !== "place" || traits.knowsPlaces || (pool.header !== undefined && config.trustedProxies.length > 0)
    ) {
      continue;
    }
    log.warn(`nobody says the ${pool.by} of a client here: without header and trustedProxies all go to the fallback`);
  }

  const scheduled = (signal?: AbortSignal) =>
    sweeper.run(signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]));

  return {
    app,
    pools,
    fetch: (request, env, context) => app.fetch(request, env as object, context as Parameters<typeof app.fetch>[2]),
    scheduled,
    start: () => void scheduled(),
    async close() {
      closing.abort();
      await observer.idle();
    },
    inFlight: observer.inFlight,
    webSockets,
  };
}

function checksOf(pools: Readonly<Record<string, Served>>): ReadonlyMap<string, Check> {
  return new Map(
    Object.values(pools).flatMap(({ name, config: { healthCheck }, peer }) =>
      healthCheck === false ? [] : [[name, { ...healthCheck, peer }]]
    ),
  );
}

/** A request as it goes to whichever backend is picked. */
function forwardingOf(
  asked: Inspected,
  { raw, onLeave, signal, direct }: Client,
  body: RequestBody | undefined,
  sender: Sender,
  route: Route,
  { peer, config: { host } }: Served,
): Forwarding {
  const { method, headers, upgrade } = asked;
  const { trailers, onInterim } = raw ?? {};
  return {
    incoming: { method, headers, body, onAbort: onLeave, signal, direct, upgrade, trailers, onInterim },
    peer,
    target: rewrite(route, asked.path, asked.query),
    host: host === "upstream" ? undefined : host === "preserve" ? asked.host : host,
    headers: editRequest(headers, sender, route.setRequestHeaders),
  };
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
