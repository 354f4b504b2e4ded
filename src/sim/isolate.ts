import { type Balancer, type BalancerEvent, createBalancer } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { createHedging, type Hedging } from "../core/hedging.ts";
import { policies } from "../core/policies/index.ts";
import type { Policy } from "../core/policy.ts";
import type { Pool } from "../core/pool.ts";
import type { Random } from "../core/ports.ts";
import { createRetryBudget } from "../core/retry-budget.ts";

/** A balancer with what lasts from one request to the next; it knows nothing of the others. */
export interface Isolate {
  readonly index: number;
  readonly balancer: Balancer;
  readonly hedging: Hedging | undefined;
  /** What it knows of the pool now. */
  pool(): Pool;
  budget(): (() => void) | undefined;
}

export interface IsolatePorts {
  readonly random: Random;
  readonly now: () => number;
  readonly tell: (event: BalancerEvent) => void;
  pool(): Pool;
}

/** Puts the core together as the app does. */
export function createIsolate(index: number, config: PoolConfig, { pool, ...ports }: IsolatePorts): Isolate {
  const { policy, outlierDetection, slowStart, panicThreshold, drain, retry, hedging } = config;
  const balancer = createBalancer(
    (): Policy => policies[policy.type](policy),
    {
      outlierDetection,
      slowStart,
      panicThreshold,
      drainMs: drain.timeout,
      decayMs: policy.type === "peak-ewma" ? policy.decay : undefined,
    },
    ports,
  );
  return {
    index,
    balancer,
    hedging: hedging === false ? undefined : createHedging(hedging),
    pool,
    budget: createRetryBudget(retry.budget, balancer.inFlight),
  };
}
