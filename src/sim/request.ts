import type { Pick as Choice } from "../core/balancer.ts";
import { ProxyError } from "../core/errors.ts";
import type { Random } from "../core/ports.ts";
import { backoffMs, mayRetry } from "../core/retry.ts";
import { attempt, type AttemptScope, type Ended, hedgedAttempt } from "./attempt.ts";

/** A request as a client sends it. */
export interface Sent {
  readonly client: number;
  readonly method: "GET" | "POST";
}

/** How it went, as its client sees it. */
export interface Answer {
  readonly client: number;
  readonly startedAt: number;
  readonly status: number;
  /** Who gave the answer. */
  readonly id: string | undefined;
}

const nobody = new ProxyError("destination_unavailable");

/** Sends a request, and again where that is safe: the rules of the balancer, as `proxy/retry.ts` plays them with promises. */
export function sendRequest(
  { client, method }: Sent,
  scope: AttemptScope,
  random: Random,
  whenAnswered: (answer: Answer) => void,
): void {
  const { config: { retry, timeouts }, isolate, clock, record } = scope;
  const { balancer, hedging } = isolate;
  const startedAt = clock.now();
  const tried = new Set<string>();
  const ask = { key: () => `client ${client}`, tried };
  const leftMs = () => timeouts.request - (clock.now() - startedAt);
  const pickOne = () => balancer.pick(isolate.pool(), ask);
  const pickSecond = () => {
    const choice = pickOne();
    if (choice !== undefined) tried.add(choice.backend.id);
    return choice;
  };
  let further = 0;
  let leave: (() => void) | undefined;

  function tryOn(pick: Choice): void {
    tried.add(pick.backend.id);
    further++;
    if (hedging === undefined || method !== "GET") attempt(pick, scope, leftMs(), goOn);
    else hedgedAttempt(pick, scope, leftMs(), pickSecond, goOn);
  }

  function goOn(last: Ended): void {
    leave?.();
    leave = undefined;
    const { status, error } = last.fate;
    if (status === 200) return answer(last);
    const came = error === undefined ? { status: status! } : { error };
    const may = further <= retry.attempts && mayRetry(came, { method, replayable: true, idempotent: false }, retry);
    leave = may ? isolate.budget() : undefined;
    if (leave === undefined) return answer(last);
    const waitMs = backoffMs(came, further, retry, random);
    if (waitMs >= leftMs()) return answer(last);
    if (waitMs > 0) clock.at(clock.now() + waitMs, () => tryNext(last));
    else tryNext(last);
  }

  function tryNext(last: Ended): void {
    const pick = pickOne();
    if (pick === undefined) answer(last);
    else tryOn(pick);
  }

  function answer({ id, fate: { status, error } }: Ended): void {
    leave?.();
    whenAnswered({ client, startedAt, status: error?.row.status ?? status!, id });
  }

  record.asked(isolate);
  const pick = pickOne();
  if (pick === undefined) whenAnswered({ client, startedAt, status: nobody.row.status, id: undefined });
  else tryOn(pick);
}
