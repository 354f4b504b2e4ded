import { type Context, Hono } from "hono";
import type { Check } from "../checks/probe.ts";
import { createSweeper } from "../checks/sweep.ts";
import { type Balancer, createBalancer } from "../core/balancer.ts";
import type { Config, PoolConfig } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import { peerOf } from "../core/peer.ts";
import { policies } from "../core/policies/index.ts";
import type { Pools } from "../core/pool.ts";
import type { Peer, Ports, Transport, WebSockets } from "../core/ports.ts";
import { compileRoutes, rewrite } from "../core/routes.ts";
import { bodyOf } from "../proxy/body.ts";
import { editRequest } from "../proxy/headers.ts";
import { inspect } from "../proxy/inspect.ts";
import { forwardWithRetries } from "../proxy/retry.ts";
import { createTrust } from "../proxy/trust.ts";
import { createPools } from "../stores/pools.ts";
import { isSwitched } from "../transports/websocket/switched.ts";
import { adminApp } from "./admin.ts";
import { createObserver } from "./observe.ts";
import { asProxyError, problem } from "./problem.ts";

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
  readonly webSockets: Pick<WebSockets, "count" | "idle" | "goAway">;
}

/** What a request needs of its pool. */
interface Served {
  readonly name: string;
  readonly config: PoolConfig;
  readonly balancer: Balancer;
  readonly peer: Peer;
}

/** Joins the two corridors: requests go through `fetch`, health through `scheduled`, and they meet in the pools. */
export function createLoadBalancer(config: Config, ports: Ports): LoadBalancer {
  const { clock, traits, log, webSockets } = ports;
  const pools = createPools(mapValues(config.pools, (pool) => pool.backends), ports);
  const served = mapValues(config.pools, (pool, name): Served => ({
    name,
    config: pool,
    balancer: createBalancer(() => policies[pool.policy.type](pool.policy), ports),
    peer: peerOf(pool),
  }));
  const checks = checksOf(served);
  const sweeper = createSweeper(pools, checks, ports, { logSweeps: config.log.health === "all" });
  const routeOf = compileRoutes(config.routes);
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
    try {
      const asked = inspect(request, client.raw, client.raw?.unbounded ? config.limits.headBytes : headBytes);
      observed.asked(asked.host, asked.path);

      const route = routeOf(asked);
      if (route === undefined) throw new ProxyError("no_route");
      inUse = served[route.pool]!;
      const { name, config: pool, balancer, peer } = inUse;

      const proto = (client.secure ?? request.url.startsWith("https:")) ? "https" : "http";
      const port = client.port ?? (proto === "https" ? 443 : 80);
      const sender = { address: client.address, trusted, proto, host: asked.host, port, requestId } as const;
      const maxBytes = route.bodyBytes ?? config.limits.bodyBytes;
      const reading = bodyOf(request, client.raw, {
        keepBytes: pool.retry.maxBodyBytes,
        maxBytes,
        readBytes: traits.readBytes,
      });
      const body = reading === undefined ? undefined : await reading;
      const forwarding = {
        incoming: {
          method: asked.method,
          headers,
          body,
          onAbort: client.onLeave,
          signal: client.signal,
          direct: client.direct,
          upgrade: asked.upgrade,
          trailers: client.raw?.trailers,
          onInterim: client.raw?.onInterim,
        },
        peer,
        target: rewrite(route, asked.path, asked.query),
        host: pool.host === "upstream" ? undefined : pool.host === "preserve" ? asked.host : pool.host,
        headers: editRequest(headers, sender, route.setRequestHeaders),
      };

      const transport: Transport = asked.upgrade === undefined
        ? ports.transport
        : (incoming, outgoing) => webSockets.open(context, incoming, outgoing);
      const refreshing = pools.refresh(name);
      if (refreshing !== undefined) await refreshing;
      const scope = {
        config: pool,
        balancer,
        transport,
        clock,
        eligible: () => pools.current(name).eligible,
        onPick: observed.picked,
        onFailure: observed.backendFailed,
      };
      const response = await forwardWithRetries(forwarding, scope, (bytes, error) => {
        if (traits.cancelsBodies) body?.abandon?.();
        client.onAnswered?.();
        observed.ended(bytes, error);
      });

      observed.answered(isSwitched(response) ? 101 : response.status);
      return withFields(response, route.setResponseHeaders);
    } catch (thrown) {
      const error = asProxyError(thrown);
      client.onAnswered?.();
      observed.failed(error);
      return problem(error, {
        requestId,
        accept: headers.get("accept"),
        retryAfter: secondsToNextSweep(inUse),
      });
    }
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

/** A runtime's own answer may not be changed, so one with other fields is another one. */
function withFields(response: Response, fields: Readonly<Record<string, string>>): Response {
  if (Object.keys(fields).length === 0) return response;
  if (response.status === 101 || isSwitched(response)) {
    // Made here, and nothing but itself leads to its WebSocket.
    for (const name in fields) response.headers.set(name, fields[name]!);
    return response;
  }
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  for (const name in fields) headers.set(name, fields[name]!);
  return new Response(body, { status, statusText, headers });
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
