import { type Balancer, type BalancerEvent, createBalancer } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { createHedging, type Hedging } from "../core/hedging.ts";
import { type Keyed, keyOf } from "../core/keys.ts";
import { peerOf } from "../core/peer.ts";
import { policies } from "../core/policies/index.ts";
import type { Policy } from "../core/policy.ts";
import { type Backend, isWanted, type Pools } from "../core/pool.ts";
import type { Peer, Ports } from "../core/ports.ts";
import { createRetryBudget } from "../core/retry-budget.ts";
import { createSlots, type Slots } from "../core/slots.ts";
import { type Affinity, createAffinity } from "../proxy/affinity.ts";

/** What a request needs of its pool, and what of it lasts from one request to the next. */
export interface Served {
  readonly name: string;
  readonly config: PoolConfig;
  readonly balancer: Balancer;
  readonly peer: Peer;
  readonly affinity: Affinity | undefined;
  /** `undefined`: nothing is limited. */
  readonly slots: Slots | undefined;
  readonly hedging: Hedging | undefined;
  budget(): (() => void) | undefined;
  /** Whether a session may belong to a backend: it gets requests, keeps the sessions it has, or is away for maintenance. */
  keepsSessions(backend: Backend): boolean;
  /** What a hash is taken of. */
  key(asked: Keyed): string;
  /** Whether it has enough eligible backends for a route that could go elsewhere. */
  isUp(): boolean;
}

/** Makes a pool's balancer and what belongs to it. */
export function createServed(name: string, config: PoolConfig, pools: Pools, ports: Ports): Served {
  const { clock, random, log } = ports;
  const { sessionAffinity, circuitBreaker, outlierDetection, slowStart, panicThreshold, drain, policy } = config;
  // Sessions without a cookie begin where their hash says, so that processes that share nothing agree.
  const isHashed = sessionAffinity !== undefined && sessionAffinity.type !== "cookie";

  function tell(event: BalancerEvent): void {
    const { id: backend } = event;
    const url = pools.current(name).backends.find(({ id }) => id === backend)?.url;
    if (event.kind !== "ejected") {
      return log.info(`backend ${event.kind.toUpperCase()} ${url}`, { pool: name, backend, url });
    }
    const { reason, forMs } = event;
    const seconds = Math.round(forMs / 100) / 10;
    log.warn(`backend EJECTED ${url} (${reason}) for ${seconds} s`, { pool: name, backend, url, reason, forMs });
  }

  const balancer = createBalancer(
    isHashed ? () => policies.hash({ balanceFactor: 0 }) : (): Policy => policies[policy.type](policy),
    {
      outlierDetection,
      slowStart,
      panicThreshold,
      drainMs: sessionAffinity === undefined ? 0 : drain.timeout,
      decayMs: policy.type === "peak-ewma" ? policy.decay : undefined,
    },
    { random, now: clock.now, tell },
  );
  return {
    name,
    config,
    balancer,
    peer: peerOf(config),
    affinity: sessionAffinity === undefined ? undefined : createAffinity(sessionAffinity),
    slots: circuitBreaker.maxRequests === 0 ? undefined : createSlots(circuitBreaker),
    hedging: config.hedging === false ? undefined : createHedging(config.hedging),
    budget: createRetryBudget(config.retry.budget, balancer.inFlight),
    keepsSessions: (backend) =>
      isWanted(backend) || backend.state === "maintenance" || balancer.keepsSessions(pools.current(name), backend.id),
    key: keyOf(isHashed ? sessionAffinity.type : policy.key),
    isUp: () => balancer.fit(pools.current(name)) >= config.minHealthy,
  };
}
