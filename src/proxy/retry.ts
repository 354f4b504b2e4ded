import type { Ask, Balancer, Pick as Choice } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import type { Hedging } from "../core/hedging.ts";
import type { Backend, Pool } from "../core/pool.ts";
import type { Clock, Incoming, Random } from "../core/ports.ts";
import { backoffMs, mayRetry } from "../core/retry.ts";
import { type Attempt, attempt, type AttemptScope } from "./attempt.ts";
import type { Forwarding } from "./forward.ts";
import { hedged } from "./hedge.ts";

/** What retrying needs to know of a pool. */
export interface RetryScope extends AttemptScope {
  readonly config: Pick<PoolConfig, "retry" | "timeouts">;
  readonly balancer: Balancer;
  /** Asked anew for each try: a sweep may have come between. */
  pool(): Pool;
  readonly ask: Omit<Ask, "tried">;
  /** Takes a place for a further try, and gives back how to leave it; `undefined`: too many are under way. */
  budget(): (() => void) | undefined;
  readonly hedging: Hedging | undefined;
  /** When `timeouts.request` began to run, milliseconds since the epoch. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly random: Random;
  /** A try begins. */
  onPick(backend: Backend): void;
}

/** An answer that is passed on. */
export interface Forwarded {
  readonly response: Response;
  readonly backend: Backend;
  /** The session's own backend could have been asked, but for room: the session stays with it. */
  readonly isLent: boolean;
}

/**
 * Sends a request to a backend and, where that is safe, to further ones until one answers; each backend is tried once.
 *
 * When nobody is left to try, the last answer is passed on as it came, and the last failure is thrown.
 *
 * @param onEnd called once after the answer that is passed on has ended; `backend` gave it
 * @throws {ProxyError} `destination_unavailable`, `connection_limit_reached` when there was no backend to try at all
 */
export async function forwardWithRetries(
  forwarding: Forwarding,
  scope: RetryScope,
  onEnd: OnEnd,
): Promise<Forwarded> {
  const { config: { retry, timeouts }, balancer, clock, startedAt } = scope;
  const leftMs = () => timeouts.request - (clock.now() - startedAt);
  let pick = balancer.pick(scope.pool(), scope.ask);
  if (pick === undefined) throw new ProxyError(whyNobody(scope));
  const tried = new Set<string>();
  let leave: (() => void) | undefined; // a further try is under way until its answer has ended
  const ended: OnEnd = (bytes, error) => {
    leave?.();
    onEnd(bytes, error);
  };
  try {
    for (let further = 1;; further++) {
      const last = await tryOn(pick, forwarding, scope, tried, leftMs, ended);
      let next: Choice | undefined;
      if (further <= retry.attempts && deservesAnother(last, forwarding, retry)) {
        leave?.();
        leave = scope.budget();
        next = leave && (await pickNext(last, further, forwarding, scope, tried, leftMs));
        if (next === undefined) leave?.();
      }
      if (next === undefined) {
        if (last.error !== undefined) throw last.error;
        return { response: last.passOn(), backend: last.backend, isLent: isLent(scope, tried) };
      }
      last.response?.body?.cancel().catch(() => {});
      pick = next;
    }
  } catch (error) {
    leave?.();
    throw error;
  }
}

const isLent = ({ ask: { wanted }, balancer, pool }: RetryScope, tried: ReadonlySet<string>) =>
  wanted !== undefined && !tried.has(wanted) && balancer.keepsSessions(pool(), wanted);

type OnEnd = (bytes: number | undefined, error?: unknown) => void;

/** One try, with another beside it where the pool hedges. */
function tryOn(
  pick: Choice,
  forwarding: Forwarding,
  scope: RetryScope,
  tried: Set<string>,
  leftMs: () => number,
  onEnd: OnEnd,
): Promise<Attempt> {
  const { hedging, clock, balancer, onPick } = scope;
  const { incoming } = forwarding;
  tried.add(pick.backend.id);
  // A session is not moved because its backend was slow once.
  if (hedging === undefined || scope.ask.wanted !== undefined || !isHedgeable(incoming)) {
    onPick(pick.backend);
    return attempt(pick, forwarding, scope, leftMs, onEnd);
  }
  const send = async (choice: Choice, part: Incoming) => {
    onPick(choice.backend);
    const begunAt = clock.now();
    let isFailure = false; // who fails does so sooner than it would answer; who lost would have taken at least so long
    try {
      const made = await attempt(choice, { ...forwarding, incoming: part }, scope, leftMs, onEnd);
      isFailure = made.response === undefined || made.response.status >= 500;
      return made;
    } finally {
      if (!isFailure) hedging.learn(clock.now() - begunAt);
    }
  };
  const delayMs = hedging.begin();
  if (delayMs === undefined) return send(pick, incoming);
  const second = () => {
    const choice = hedging.take(() => balancer.pick(scope.pool(), { ...scope.ask, tried }));
    if (choice !== undefined) tried.add(choice.backend.id);
    return choice;
  };
  return hedged(pick, incoming, { delayMs, clock, pick: second }, send);
}

/** Another backend, after the wait that a further try has. */
async function pickNext(
  last: Attempt,
  further: number,
  { incoming }: Forwarding,
  { config: { retry }, balancer, pool, ask, clock, random }: RetryScope,
  tried: ReadonlySet<string>,
  leftMs: () => number,
): Promise<Choice | undefined> {
  const retryAfter = last.response === undefined ? undefined : retryAfterMs(last.response, clock.now());
  const waitMs = backoffMs(asTry(last), further, retry, random, retryAfter);
  if (waitMs >= leftMs()) return undefined;
  if (waitMs > 0 && !(await pause(waitMs, clock, incoming))) throw new ProxyError("client_aborted");
  return balancer.pick(pool(), { ...ask, tried });
}

const isHedgeable = ({ method, upgrade, body }: Incoming) =>
  (method === "GET" || method === "HEAD") && upgrade === undefined && body === undefined;

/** Where somebody could be picked, but for room. */
const whyNobody = ({ balancer, pool, ask }: RetryScope) =>
  (ask.bound && ask.wanted !== undefined) || balancer.candidates(pool()).length === 0
    ? "destination_unavailable"
    : "connection_limit_reached";

const asTry = ({ error, response }: Attempt) => error === undefined ? { status: response.status } : { error };

function deservesAnother(last: Attempt, { incoming }: Forwarding, retry: PoolConfig["retry"]): boolean {
  if (last.response !== undefined && last.response.status < 500) return false;
  const { method, body, headers } = incoming;
  const replayable = body?.replayable !== false;
  return mayRetry(asTry(last), { method, replayable, idempotent: headers.has("idempotency-key") }, retry);
}

/** Gives back whether the client is still there; ends early when it leaves. */
async function pause(ms: number, clock: Clock, { onAbort }: Incoming): Promise<boolean> {
  const aborter = new AbortController();
  const stop = onAbort(() => aborter.abort());
  await clock.sleep(ms, aborter.signal);
  stop();
  return !aborter.signal.aborted;
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs({ headers }: Response, now: number): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
