import type { Balancer, Pick as Choice } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import type { Backend } from "../core/pool.ts";
import type { Clock, Transport } from "../core/ports.ts";
import { forward, type Forwarding } from "./forward.ts";

/** What retrying needs to know of a pool. */
export interface RetryScope {
  readonly config: Pick<PoolConfig, "retry" | "timeouts">;
  readonly balancer: Balancer;
  /** Asked anew for each try: a sweep may have come between. */
  eligible(): readonly Backend[];
  readonly transport: Transport;
  readonly clock: Clock;
  /** A try begins. */
  onPick(backend: Backend): void;
  /** A try that failed, whether or not another follows. */
  onFailure(backend: Backend, error: ProxyError): void;
}

/**
 * Sends a request to a backend and, where that is safe, to further ones until one answers; each backend is tried once.
 *
 * When nobody is left to try, the last answer is passed on as it came, and the last failure is thrown.
 *
 * @param onEnd called once after the answer that is passed on has ended
 * @throws {ProxyError} `destination_unavailable` when there was no backend to try at all
 */
export async function forwardWithRetries(
  forwarding: Forwarding,
  scope: RetryScope,
  onEnd: (bytes: number | undefined, error?: unknown) => void,
): Promise<Response> {
  const { config, balancer, clock } = scope;
  const startedAt = clock.now();
  const leftMs = () => config.timeouts.request - (clock.now() - startedAt);
  let tried: Set<string> | undefined;
  let pick = balancer.pick(scope.eligible());
  if (pick === undefined) throw new ProxyError("destination_unavailable");
  for (;;) {
    const { backend } = pick;
    scope.onPick(backend);
    const attempt = await attemptOn(pick, forwarding, scope, leftMs, onEnd);
    const mayGoOn = mayRetry(attempt, forwarding, config.retry) && leftMs() > 0;
    if (mayGoOn) (tried ??= new Set()).add(backend.id);
    const next = mayGoOn && tried!.size <= config.retry.attempts ? balancer.pick(scope.eligible(), tried) : undefined;
    if (next === undefined) {
      if (attempt.error !== undefined) throw attempt.error;
      return attempt.passOn();
    }
    attempt.response?.body?.cancel().catch(() => {});
    pick = next;
  }
}

type Attempt =
  | { readonly error: ProxyError; readonly response?: undefined }
  | { readonly error?: undefined; readonly response: Response; passOn(): Response };

async function attemptOn(
  pick: Choice,
  forwarding: Forwarding,
  { config: { timeouts }, transport, onFailure }: RetryScope,
  leftMs: () => number,
  onEnd: (bytes: number | undefined, error?: unknown) => void,
): Promise<Attempt> {
  const deadlines = () => {
    const sendMs = leftMs();
    const connectMs = Math.min(timeouts.connect, sendMs);
    return { connectMs, responseMs: Math.min(timeouts.response, sendMs), sendMs, idleMs: timeouts.idle };
  };
  let end: readonly [bytes: number | undefined, error?: unknown] | undefined;
  let passedOn = false;
  try {
    const response = await forward(forwarding, pick.backend, deadlines, transport, (bytes, error) => {
      end = [bytes, error];
      pick.done();
      if (passedOn) onEnd(bytes, error);
    });
    return {
      response,
      passOn() {
        passedOn = true;
        if (end !== undefined) onEnd(...end);
        return response;
      },
    };
  } catch (thrown) {
    pick.done();
    // The client's own failure shows first as a broken exchange with the backend.
    if (forwarding.incoming.body?.failure !== undefined) throw forwarding.incoming.body.failure;
    if (!(thrown instanceof ProxyError) || thrown.row.status <= 500) throw thrown; // the client's fault or ours
    onFailure(pick.backend, thrown);
    return { error: thrown };
  }
}

/** A method that may be repeated, or a request of which nothing was sent (RFC 9110 §9.2.2), with a body that is still there. */
function mayRetry({ error, response }: Attempt, { incoming }: Forwarding, retry: PoolConfig["retry"]): boolean {
  const reason = error === undefined ? String(response.status) : error.row.retry;
  if (reason === undefined || !retry.on.includes(reason)) return false;
  if (incoming.body?.replayable === false) return false;
  return reason === "connect-failure" || retry.methods.includes(incoming.method);
}
