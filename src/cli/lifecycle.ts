import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../core/config.ts";
import type { Log } from "../core/ports.ts";

/** Something that serves until it is told to end. */
export interface Serving {
  /** Why it ended without being told to; of one that cannot, a promise that stays open. */
  readonly died: Promise<string>;
  /** Ends the checks and turns readiness, while requests are still let in. */
  drain(): void | Promise<void>;
  /** Stops listening; resolves when nothing is in flight any more. */
  stop(): Promise<void>;
  /** Tells those of whom no end is to be expected; resolves when they have ended, or a moment later. */
  goAway(): Promise<void>;
  /** Ends everything at once; gives back whether requests were cut. */
  cut(): boolean;
}

/** The first SIGINT or SIGTERM, and the next. */
export interface Signals {
  readonly first: Promise<string>;
  readonly second: Promise<string>;
}

/** The same signal within this time is no second one. */
const echoMs = 250;

export function takeSignals(): Signals {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  let taken: { readonly signal: string; readonly at: number } | undefined;
  const take = (signal: string) => {
    // Ctrl-C reaches the whole process group, and npm and `deno task` pass it on once more.
    if (signal === taken?.signal && performance.now() - taken.at < echoMs) return;
    (taken === undefined ? first : second).resolve(signal);
    taken ??= { signal, at: performance.now() };
  };
  process.on("SIGINT", take);
  process.on("SIGTERM", take);
  return { first: first.promise, second: second.promise };
}

/** Waits for a signal, and ends what serves; gives back the exit status: 1 when requests had to be cut, or when it died. */
export async function runUntilSignal(
  serving: Serving,
  signals: Signals,
  { timeout, preStopDelay }: Config["shutdown"],
  log: Log,
): Promise<number> {
  const died = serving.died.then((reason) => ({ reason }));
  const first = await Promise.race([signals.first, died]);
  if (typeof first !== "string") return gone(first.reason, log);

  void signals.second.then(() => {
    serving.cut();
    process.exit(1);
  });
  log.info(`${first}: ending what is in flight, for ${timeout} ms at most`);
  await serving.drain();
  await sleep(preStopDelay);
  const stopped = serving.stop().then(() => "in time" as const);
  const ended = await Promise.race([stopped, died, sleep(timeout, "late" as const)]);
  if (typeof ended !== "string") return gone(ended.reason, log);
  if (ended === "late") await serving.goAway();
  if (ended === "late" && serving.cut()) {
    log.warn(`forced to stop: requests were still in flight after ${timeout} ms`);
    return 1;
  }
  log.info("stopped");
  return 0;
}

function gone(reason: string, log: Log): number {
  log.error(reason);
  return 1;
}
