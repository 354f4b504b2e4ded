import type { Pick as Choice } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import type { Fate, SimulatedBackend } from "./backend.ts";
import type { VirtualClock } from "./clock.ts";
import type { Isolate } from "./isolate.ts";
import type { Recorder } from "./record.ts";

/** What a try needs beside its pick. */
export interface AttemptScope {
  readonly config: PoolConfig;
  readonly isolate: Isolate;
  readonly backends: ReadonlyMap<string, SimulatedBackend>;
  readonly clock: VirtualClock;
  readonly record: Recorder;
}

/** How a try has ended, and where. */
export interface Ended {
  readonly id: string;
  readonly fate: Fate;
}

const cancelled = new ProxyError("client_aborted");

/**
 * Sends a request to the picked backend.
 *
 * @param leftMs what is left of `timeouts.request`
 * @returns cancels it: nothing comes of it any more
 */
export function attempt(
  pick: Choice,
  { config: { timeouts }, isolate, backends, clock, record }: AttemptScope,
  leftMs: number,
  whenEnded: (ended: Ended) => void,
): () => void {
  const { id } = pick.backend;
  const patience = {
    connectMs: Math.min(timeouts.connect, leftMs),
    responseMs: Math.min(timeouts.response, leftMs),
  };
  const fate = backends.get(id)!.take(clock.now(), patience);
  let isOver = false;
  record.tried(id, clock.now());
  clock.at(fate.at, () => {
    record.tryEnded(id, fate.error === undefined && fate.status! < 500);
    if (isOver) return;
    isOver = true;
    if (fate.error === undefined) pick.answered(fate.status!);
    pick.done(fate.error);
    if (fate.status !== 200) record.failed(isolate, id);
    whenEnded({ id, fate });
  });
  return () => {
    if (isOver) return;
    isOver = true;
    pick.done(cancelled);
  };
}

/**
 * The same, and a second try beside it when it is slow; the first that brings a good answer wins, and the other is cancelled.
 *
 * @param pickSecond takes another backend, if there is one
 */
export function hedgedAttempt(
  pick: Choice,
  scope: AttemptScope,
  leftMs: number,
  pickSecond: () => Choice | undefined,
  whenEnded: (ended: Ended) => void,
): void {
  const { isolate: { hedging }, clock } = scope;
  const delayMs = hedging?.begin();
  const running = new Map<() => void, number>(); // how to cancel each, and when it began
  let spare: Ended | undefined;
  let isOver = false;

  function begin(choice: Choice, left: number): void {
    const begunAt = clock.now();
    const cancel = attempt(choice, scope, left, (ended) => {
      running.delete(cancel);
      if (isGood(ended)) hedging?.learn(clock.now() - begunAt);
      else if (running.size > 0) return void (spare = ended);
      isOver = true;
      for (const [cancelOther, otherBegunAt] of running) {
        cancelOther();
        hedging?.learn(clock.now() - otherBegunAt); // it would have taken at least so long
      }
      whenEnded(ended.fate.error === undefined ? ended : (spare ?? ended));
    });
    running.set(cancel, begunAt);
  }

  begin(pick, leftMs);
  if (delayMs === undefined || delayMs >= leftMs) return;
  clock.at(clock.now() + delayMs, () => {
    const second = isOver ? undefined : hedging!.take(pickSecond);
    if (second !== undefined) begin(second, leftMs - delayMs);
  });
}

const isGood = ({ fate: { error, status } }: Ended) => error === undefined && status! < 500;
