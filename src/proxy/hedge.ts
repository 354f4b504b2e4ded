import type { Pick as Choice } from "../core/balancer.ts";
import { ProxyError } from "../core/errors.ts";
import type { Clock, Incoming } from "../core/ports.ts";
import type { Attempt } from "./attempt.ts";

/** A second try beside the first. */
export interface Hedge {
  readonly delayMs: number;
  readonly clock: Clock;
  /** The second backend, if there is one and the share allows it. */
  pick(): Choice | undefined;
}

/**
 * Asks a second backend too when the first is slow; the first good answer wins, and the other is cancelled.
 *
 * @param send begins a try; what is cancelled says nothing about its backend
 */
export async function hedged(
  first: Choice,
  incoming: Incoming,
  { delayMs, clock, pick }: Hedge,
  send: (choice: Choice, incoming: Incoming) => Promise<Attempt>,
): Promise<Attempt> {
  const begin = (choice: Choice, request: Incoming) => {
    const { part, cancel } = cancellable(request);
    return { cancel, answer: send(choice, part) };
  };
  const one = begin(first, incoming);
  const answered = new AbortController();
  const slow = clock.sleep(delayMs, answered.signal).then(() => undefined);
  const early = await Promise.race([one.answer, slow]).finally(() => answered.abort());
  const second = early === undefined ? pick() : undefined;
  if (second === undefined) return await one.answer;
  const other = begin(second, { ...incoming, onInterim: undefined }); // or its client would be told twice
  const { answer: winner } = await firstGood(one.answer, other.answer);
  for (const { answer, cancel } of [one, other]) {
    if (answer === winner) continue;
    cancel();
    answer.then(({ response }) => response?.body?.cancel(), () => {}).catch(() => {});
  }
  return await winner;
}

/** The first that brings a good answer; where neither does, one that brings any: who is overloaded answers soonest. */
async function firstGood(
  one: Promise<Attempt>,
  other: Promise<Attempt>,
): Promise<{ readonly answer: Promise<Attempt> }> {
  const good = (answer: Promise<Attempt>) =>
    answer.then(({ response }) => {
      if (response === undefined || response.status >= 500) throw new Error("not good");
      return { answer };
    });
  try {
    return await Promise.any([good(one), good(other)]);
  } catch {
    const isAnswer = await other.then(({ response }) => response !== undefined, () => false);
    return { answer: isAnswer ? other : one };
  }
}

/** The same request, which can be given up without its client having left. */
function cancellable(incoming: Incoming): { readonly part: Incoming; cancel(): void } {
  const listeners = new Set<() => void>();
  const aborter = new AbortController();
  const { signal } = incoming;
  const part: Incoming = {
    ...incoming,
    signal: signal === undefined ? aborter.signal : AbortSignal.any([signal, aborter.signal]),
    onAbort(listener) {
      if (aborter.signal.aborted) {
        listener();
        return () => {};
      }
      const stop = incoming.onAbort(listener);
      listeners.add(listener);
      return () => {
        stop();
        listeners.delete(listener);
      };
    },
  };
  return {
    part,
    cancel() {
      aborter.abort(new ProxyError("client_aborted"));
      for (const listener of listeners) listener();
    },
  };
}
