import {
  type Ask,
  type Balancer,
  type BalancerEvent,
  type BalancerRule,
  createBalancer,
  type Pick,
} from "../../src/core/balancer.ts";
import type { EjectionRule } from "../../src/core/ejections.ts";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { policies } from "../../src/core/policies/index.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { Backend, Pool } from "../../src/core/pool.ts";
import type { Random } from "../../src/core/ports.ts";
import { seededRandom } from "./arbitraries.ts";

/** The defaults of the configuration. */
export const ejectionRule: EjectionRule = {
  consecutiveErrors: 5,
  consecutive5xx: 0,
  successRate: false,
  baseEjectionTime: 30_000,
  maxEjectionTime: 300_000,
  maxEjectionPercent: 50,
};

export const balancerRule: BalancerRule = {
  outlierDetection: ejectionRule,
  panicThreshold: 0,
  slowStart: { window: 0, aggression: 1, minWeightPercent: 10 },
  drainMs: 300_000,
};

export const failure = (code: ErrorCode = "connection_refused") => new ProxyError(code);

/** What becomes of a request: `.` a good answer, `x` a refused connection, `5` a plain 500, `g` a 503, `b` broken off, `a` aborted. */
export type Fate = "." | "x" | "5" | "g" | "b" | "a";

export function settle(pick: Pick, fate: Fate): void {
  if (fate === "x") return pick.done(failure());
  if (fate === "a") return pick.done(failure("client_aborted"));
  pick.answered(fate === "5" ? 500 : fate === "g" ? 503 : 200);
  pick.done(fate === "b" ? failure("http_response_incomplete") : undefined);
}

/** A balancer with its pool, its clock and its log in the hands of a test. */
export interface Stage {
  readonly balancer: Balancer;
  pool: Pool;
  now: number;
  readonly events: BalancerEvent[];
  /** The ids of the candidates, or "-". */
  candidates(): string;
  pick(ask?: Partial<Ask>): Pick | undefined;
  /** Sends to this one backend, as a session of it would; each letter is what becomes of a request. */
  send(id: string, fates: string): void;
  setBackends(...backends: readonly Backend[]): void;
  setHealth(status: Record<string, "healthy" | "unhealthy">): void;
}

export interface StageOptions extends Partial<BalancerRule> {
  readonly random?: Random;
  readonly policy?: () => Policy;
}

export function stage(backends: readonly Backend[], options: StageOptions = {}): Stage {
  const { random = seededRandom(1), policy = () => policies["round-robin"]({ start: "first" }), ...rule } = options;
  const events: BalancerEvent[] = [];
  const ports = { random, now: () => made.now, tell: (event: BalancerEvent) => void events.push(event) };
  const balancer = createBalancer(policy, { ...balancerRule, ...rule }, ports);
  const pick = (ask: Partial<Ask> = {}) => balancer.pick(made.pool, { key: () => "", ...ask });
  const made: Stage = {
    balancer,
    pool: { backends, health: {} },
    now: 1_000_000,
    events,
    candidates: () => balancer.candidates(made.pool).map(({ id }) => id).join(" ") || "-",
    pick,
    send(id, fates) {
      for (const fate of fates) {
        const made = pick({ wanted: id });
        if (made?.backend.id !== id) throw new Error(`${id} gets no request, but ${made?.backend.id}`);
        settle(made, fate as Fate);
      }
    },
    setBackends: (...backends) => void (made.pool = { ...made.pool, backends }),
    setHealth(status) {
      const health = Object.fromEntries(
        Object.entries(status).map(([id, status]) => [id, { status, streak: 0, since: made.now }]),
      );
      made.pool = { ...made.pool, health };
    },
  };
  return made;
}
