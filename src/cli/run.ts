import { listen } from "#runtime";
import type { LoadBalancer } from "../app/app.ts";
import type { Config } from "../core/config.ts";
import type { Log } from "../core/ports.ts";
import type { Doors, ListenError } from "../runtimes/ports/door.ts";
import { announce } from "./announce.ts";
import { runUntilSignal, takeSignals } from "./lifecycle.ts";
import { listenFailure } from "./listen-failure.ts";

/** What a run needs beside the balancer. */
export interface RunOptions {
  readonly config: Config;
  /** Where the configuration came from. */
  readonly origin: string;
  readonly log: Log;
  /** Called once when it listens. */
  onListening?(): void;
}

/**
 * Opens both doors and serves until a signal; gives back the exit status.
 *
 * @throws {StartError} when a port cannot be listened on
 */
export async function run(balancer: LoadBalancer, { config, origin, log, onListening }: RunOptions): Promise<number> {
  const signals = takeSignals();
  const doors = await open(balancer, config);
  announce(config, doors.ports, origin);
  onListening?.();
  balancer.start();

  let idle: Promise<void> | undefined;
  const serving = {
    died: new Promise<never>(() => {}),
    drain() {
      idle = balancer.close();
    },
    async stop() {
      await Promise.all([doors.close(), idle]);
    },
    goAway: balancer.webSockets.goAway,
    cut() {
      // Connections without a request on them are no loss, and WebSockets were told.
      const inFlight = balancer.inFlight();
      doors.cut();
      return inFlight > 0;
    },
  };
  return await runUntilSignal(serving, signals, config.shutdown, log);
}

async function open(balancer: LoadBalancer, config: Config): Promise<Doors> {
  try {
    return await listen(balancer, config);
  } catch (error) {
    const { listener, cause } = error as ListenError;
    throw listenFailure(cause, listener);
  }
}
