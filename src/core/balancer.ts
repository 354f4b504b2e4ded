import { createDraining } from "./draining.ts";
import { createEjections, type EjectionEvent, type EjectionRule, type Verdict } from "./ejections.ts";
import type { ProxyError } from "./errors.ts";
import { createMembers, type MembersRule } from "./members.ts";
import { createMeters } from "./meters.ts";
import type { Candidates, Policy } from "./policy.ts";
import type { Backend, Pool } from "./pool.ts";
import type { Random } from "./ports.ts";
import { createRoom } from "./room.ts";

/** A choice and what becomes of it. */
export interface Pick {
  readonly backend: Backend;
  /** The answer's head has come; to be told before `done`. */
  answered(status: number): void;
  /**
   * It is over; counts once, later calls do nothing.
   *
   * @param error why it did not end well; what is the client's fault or ours says nothing about the backend,
   *   and neither does an end without a head and without an error
   */
  done(error?: ProxyError): void;
}

/** What a pick may depend on. */
export interface Ask {
  /** What a hash is taken of. */
  key(): string;
  /** Ids of those that were asked already. */
  readonly tried?: ReadonlySet<string> | undefined;
  /** The id of the backend that a session belongs to: it is picked, if it keeps sessions. */
  readonly wanted?: string | undefined;
  /** Whether it goes nowhere else, as long as there is that backend. */
  readonly bound?: boolean | undefined;
}

/** Chooses backends of one pool, and learns from what becomes of the choices. */
export interface Balancer {
  /**
   * `undefined`: nobody is eligible, or not tried yet, or below its `maxRequests`.
   *
   * Where ejections alone have left no candidates, one of the ejected is picked.
   */
  pick(pool: Pool, ask: Ask): Pick | undefined;
  /** Who may be picked now, with the weights that hold now; the same array until a transition. */
  candidates(pool: Pool): readonly Backend[];
  /** How many get requests as far as people say, are not unhealthy and not out, of all priorities; panic changes nothing. */
  fit(pool: Pool): number;
  /** Whether a session may stay with a backend. */
  keepsSessions(pool: Pool, id: string): boolean;
  /** Requests picked and not done, of one backend or of all. */
  inFlight(id?: string): number;
  /**
   * An active check that says as much as a request has passed: an ejection ends.
   *
   * @param begunAt when the check began, milliseconds since the epoch
   */
  checkPassed(id: string, begunAt: number): void;
}

export interface BalancerRule extends MembersRule {
  /** `false`: nobody is ejected. */
  readonly outlierDetection: EjectionRule | false;
  /** Milliseconds for which a backend that drains keeps its sessions. */
  readonly drainMs: number;
  /** Of latencies, where the policy asks for them. */
  readonly decayMs?: number | undefined;
}

export interface BalancerPorts {
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What the log should say. */
  readonly tell: (event: BalancerEvent) => void;
}

export type BalancerEvent = EjectionEvent | { readonly kind: "drained"; readonly id: string };

/** Binds a policy to the pool's members, their load and their ejections. */
export function createBalancer(
  createPolicy: () => Policy,
  rule: BalancerRule,
  { random, now, tell }: BalancerPorts,
): Balancer {
  const policy = createPolicy();
  // Further tries have a rotation of their own: in the main one they would take the turns beside a dead backend,
  // always from the same neighbour.
  const retryPolicy = createPolicy();
  const meters = createMeters(rule.decayMs);
  const { outlierDetection } = rule;
  const ejections = outlierDetection === false ? undefined : createEjections(outlierDetection, random, tell);
  const draining = createDraining(rule.drainMs, (id) => meters.of(id).inFlight, tell);
  const members = createMembers(rule, ejections, draining, meters.retain);
  const room = createRoom(meters.of);
  const maxPercent = outlierDetection === false ? 0 : outlierDetection.maxEjectionPercent;
  const mayEject = (id: string) => members.mayEject(id, maxPercent);

  function choose(pool: Pool, { key, tried, wanted, bound }: Ask, at: number): Backend | undefined {
    if (wanted !== undefined) {
      const kept = tried?.has(wanted) ? undefined : members.keepsSessions(pool, wanted, at);
      if (kept !== undefined && room.has(kept)) return kept;
      if (bound && pool.backends.some(({ id }) => id === wanted)) return undefined;
    }
    const isFirst = tried === undefined || tried.size === 0;
    const candidates = isFirst
      ? room.among(members.choices(pool, at))
      : members.untried(pool, tried, at).filter(room.has);
    if (!hasCandidates(candidates)) return undefined;
    return (isFirst ? policy : retryPolicy)(candidates, { random, now: () => at, meter: meters.of, key });
  }

  return {
    pick(pool, ask) {
      const begunAt = now();
      const backend = choose(pool, ask, begunAt);
      if (backend === undefined) return undefined;
      draining.look(() => begunAt);
      const { id } = backend;
      const stay = ejections?.begin(id, begunAt);
      meters.begin(id);
      let head: number | undefined;
      let ended = false;
      const judge = (verdict: Verdict, reason: string) => {
        if (stay !== undefined) ejections?.judge(stay, verdict, reason, now(), mayEject);
      };
      return {
        backend,
        answered(status) {
          if (ended) return;
          head = status;
          const at = now();
          const isError = isGatewayError(status);
          meters.learn(id, isError ? undefined : at - begunAt, at);
          // A good head is no success yet: its answer may break off.
          if (status >= 500) judge(isError ? "error" : "5xx", `status ${status}`);
          else if (stay !== undefined) ejections?.answered(stay);
        },
        done(error) {
          if (ended) return;
          ended = true;
          meters.end(id);
          draining.look(now);
          const isBackends = error !== undefined && isBackendsFault(error);
          if (isBackends) meters.learn(id, undefined, now());
          else if (head === undefined) meters.learnAtLeast(id, begunAt, now());
          if (head !== undefined && head >= 500) return;
          if (isBackends) judge("error", error.code);
          else if (error === undefined && head !== undefined) judge("passed", "");
          else if (stay !== undefined) ejections?.giveBack(stay, now());
        },
      };
    },
    candidates: (pool) => members.candidates(pool, now()),
    fit: (pool) => members.fit(pool, now()),
    keepsSessions: (pool, id) => members.keepsSessions(pool, id, now()) !== undefined,
    inFlight: (id) => (id === undefined ? meters.inFlight() : meters.of(id).inFlight),
    checkPassed: (id, begunAt) => ejections?.pass(id, begunAt, now()),
  };
}

const isGatewayError = (status: number) => status === 502 || status === 503 || status === 504;

/** In the table, 502 and 504 are what a backend does; 503 is that there is none, 501 and 508 what the client asked for. */
const isBackendsFault = ({ row: { status } }: ProxyError) => status === 502 || status === 504;

function hasCandidates(backends: readonly Backend[]): backends is Candidates {
  return backends.length > 0;
}
