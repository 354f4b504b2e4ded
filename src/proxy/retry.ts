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
  readonly clock: Clock;
  readonly random: Random;
  /** A try begins. */
  onPick(backend: Backend): void;
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
  onEnd: (bytes: number | undefined, error?: unknown) => void,
): Promise<{ readonly response: Response; readonly backend: Backend }> {
  const { config: { retry, timeouts }, balancer, clock, random } = scope;
  const { incoming } = forwarding;
  const startedAt = clock.now();
  const leftMs = () => timeouts.request - (clock.now() - startedAt);
  const tried = new Set<string>();
  const pickOne = () => balancer.pick(scope.pool(), { ...scope.ask, tried });
  let pick = pickOne();
  if (pick === undefined) throw new ProxyError(whyNobody(balancer.candidates(scope.pool())));
  let leave: (() => void) | undefined;
  try {
    for (let further = 1;; further++) {
      tried.add(pick.backend.id);
      const last = await tryOn(pick, forwarding, scope, tried, leftMs, onEnd);
      leave?.();
      leave = further <= retry.attempts && deservesAnother(last, forwarding, retry) ? scope.budget() : undefined;
      const next = leave === undefined ? undefined : await after(waitBefore(last, further), pickOne);
      if (next === undefined) {
        if (last.error !== undefined) throw last.error;
        return { response: last.passOn(), backend: last.backend };
      }
      last.response?.body?.cancel().catch(() => {});
      pick = next;
    }
  } finally {
    leave?.();
  }

  function waitBefore(last: Attempt, further: number): number {
    const retryAfter = last.response === undefined ? undefined : retryAfterMs(last.response, clock.now());
    return backoffMs(asTry(last), further, retry, random, retryAfter);
  }

  async function after(waitMs: number, pickNext: () => Choice | undefined): Promise<Choice | undefined> {
    if (waitMs >= leftMs()) return undefined;
    if (waitMs > 0) await pause(waitMs, clock, incoming);
    return pickNext();
  }
}

/** One try, with another beside it where the pool hedges. */
async function tryOn(
  pick: Choice,
  forwarding: Forwarding,
  scope: RetryScope,
  tried: Set<string>,
  leftMs: () => number,
  onEnd: (bytes: number | undefined, error?: unknown) => void,
): Promise<Attempt> {
  const { hedging, clock, balancer, onPick } = scope;
  const { incoming } = forwarding;
  const send = async (choice: Choice, part: Incoming) => {
    onPick(choice.backend);
    const begunAt = hedging === undefined ? 0 : clock.now();
    const made = await attempt(choice, { ...forwarding, incoming: part }, scope, leftMs, onEnd);
    if (made.response !== undefined) hedging?.learn(clock.now() - begunAt);
    return made;
  };
  const canHedge = hedging !== undefined && incoming.upgrade === undefined && incoming.body === undefined &&
    (incoming.method === "GET" || incoming.method === "HEAD");
  const delayMs = canHedge ? hedging.begin() : undefined;
  if (delayMs === undefined) return await send(pick, incoming);
  const second = () => {
    if (!hedging!.take()) return undefined;
    const choice = balancer.pick(scope.pool(), { ...scope.ask, tried });
    if (choice !== undefined) tried.add(choice.backend.id);
    return choice;
  };
  return await hedged(pick, incoming, { delayMs, clock, pick: second }, send);
}

const whyNobody = (candidates: readonly Backend[]) =>
  candidates.length === 0 ? "destination_unavailable" : "connection_limit_reached";

const asTry = ({ error, response }: Attempt) => error === undefined ? { status: response.status } : { error };

function deservesAnother(last: Attempt, { incoming }: Forwarding, retry: PoolConfig["retry"]): boolean {
  const { method, body, headers } = incoming;
  const replayable = body?.replayable !== false;
  return mayRetry(asTry(last), { method, replayable, idempotent: headers.has("idempotency-key") }, retry);
}

/** Ends early when the client leaves. */
async function pause(ms: number, clock: Clock, { onAbort }: Incoming): Promise<void> {
  const aborter = new AbortController();
  const stop = onAbort(() => aborter.abort());
  await clock.sleep(ms, aborter.signal);
  stop();
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs({ headers }: Response, now: number): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
