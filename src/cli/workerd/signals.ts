import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../core/config.ts";
import type { Log } from "../../core/ports.ts";
import type { Running } from "./run.ts";

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

/** Waits for a signal and ends what runs; gives back the exit status: 1 when requests had to be cut, or when workerd died. */
export async function runUntilSignal(
  running: Running,
  signals: Signals,
  { timeout, preStopDelay }: Config["shutdown"],
  log: Log,
): Promise<number> {
  const exit = running.exit.then((status) => ({ status }));
  const first = await Promise.race([signals.first, exit]);
  if (typeof first !== "string") return died(first.status, log);

  void signals.second.then(() => {
    running.kill();
    process.exit(1);
  });
  log.info(`${first}: ending what is in flight, for ${timeout} ms at most`);
  await running.drain();
  await sleep(preStopDelay);
  running.stop();
  const ended = await Promise.race([exit, sleep(timeout, "late" as const)]);
  if (ended === "late") {
    log.warn(`forced to stop: requests were still in flight after ${timeout} ms`);
    running.kill();
    await exit;
    return 1;
  }
  if (ended.status !== 0) return died(ended.status, log);
  log.info("stopped");
  return 0;
}

function died(status: number | null, log: Log): number {
  log.error(`workerd ended by itself, ${status === null ? "by a signal" : `with status ${status}`}`);
  return 1;
}
