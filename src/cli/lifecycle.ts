import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../core/config.ts";
import type { Log } from "../core/ports.ts";

/** Something that serves until it is told to end. */
export interface Service {
  /** Why it ended without being told to; of one that cannot, a promise that stays open. */
  readonly died: Promise<string>;
  /** Ends the checks and turns readiness, while requests are still let in. */
  drain(): void | Promise<void>;
  /** Stops listening; resolves when nothing is in flight any more. */
  stop(): Promise<void>;
  /** Ends everything at once; gives back whether requests were cut. */
  cut(): boolean;
}

/** The first SIGINT or SIGTERM, and the next. */
export interface Signals {
  readonly first: Promise<string>;
  readonly second: Promise<string>;
}

export function takeSignals(): Signals {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  let count = 0;
  const take = (signal: string) => (count++ === 0 ? first : second).resolve(signal);
  process.on("SIGINT", take);
  process.on("SIGTERM", take);
  return { first: first.promise, second: second.promise };
}

/** Waits for a signal, and ends the service; gives back the exit status: 1 when requests had to be cut, or when it died. */
export async function runUntilSignal(
  service: Service,
  signals: Signals,
  { timeout, preStopDelay }: Config["shutdown"],
  log: Log,
): Promise<number> {
  const died = service.died.then((reason) => ({ reason }));
  const first = await Promise.race([signals.first, died]);
  if (typeof first !== "string") return gone(first.reason, log);

  void signals.second.then(() => {
    service.cut();
    process.exit(1);
  });
  log.info(`${first}: ending what is in flight, for ${timeout} ms at most`);
  await service.drain();
  await sleep(preStopDelay);
  const stopped = service.stop().then(() => "in time" as const);
  const ended = await Promise.race([stopped, died, sleep(timeout, "late" as const)]);
  if (typeof ended !== "string") return gone(ended.reason, log);
  if (ended === "late" && service.cut()) {
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
