import process from "node:process";
import { listen } from "#runtime";
import type { LoadBalancer } from "../app/app.ts";
import type { Config } from "../core/config.ts";
import type { Clock, Log } from "../core/ports.ts";
import type { Door } from "../runtimes/ports/door.ts";
import { startLog } from "../runtimes/logging.ts";

/** A server that could not be started, said for people. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** What a run needs beside the balancer. */
export interface RunOptions {
  readonly config: Config;
  /** Where the configuration came from. */
  readonly origin: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once when it listens. */
  onListening?(door: Door): void;
}

/** Opens both doors, serves until a signal, and drains. Gives back the exit status: 1 when requests had to be cut. */
export async function runUntilSignal(balancer: LoadBalancer, { config, origin, clock, log, onListening }: RunOptions): Promise<number> {
  const door = await open(balancer, config);
  const signalled = nextSignal();
  announce(config, door, origin);
  onListening?.(door);
  balancer.start();

  const signal = await signalled;
  void nextSignal().then(() => process.exit(1));
  const { timeout, preStopDelay } = config.shutdown;
  log.info(`${signal}: ending ${balancer.inFlight()} requests in flight, for ${timeout} ms at most`);
  const idle = balancer.close();
  await clock.sleep(preStopDelay);
  const ended = Promise.all([door.close(), idle]).then(() => true);
  if (!(await Promise.race([ended, clock.sleep(timeout).then(() => false)]))) return cut(balancer, door, log, timeout);
  log.info("stopped");
  return 0;
}

async function open(balancer: LoadBalancer, config: Config): Promise<Door> {
  try {
    return await listen(balancer, config);
  } catch (cause) {
    throw new StartError(listenFailure(cause, config.listen), { cause });
  }
}

/** Connections without a request on them are no loss, so only those with one make the end a forced one. */
function cut(balancer: LoadBalancer, door: Door, log: Log, timeout: number): number {
  const left = balancer.inFlight();
  door.cut();
  if (left === 0) {
    log.info("stopped");
    return 0;
  }
  log.warn(`forced to stop: ${left} requests were still in flight after ${timeout} ms`, { inFlight: left });
  return 1;
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    const take = (signal: string) => {
      process.off("SIGINT", take);
      process.off("SIGTERM", take);
      resolve(signal);
    };
    process.on("SIGINT", take);
    process.on("SIGTERM", take);
  });
}

function announce({ listen: { hostname }, pools }: Config, { port }: Door, origin: string): void {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  startLog.info(`listening on http://${host}:${port}, configured by ${origin}`);
  for (const [name, { backends }] of Object.entries(pools)) {
    startLog.info(`pool ${name}: ${backends.map((backend) => backend.url).join(", ")}`);
  }
}

/** Node and Bun put a code on the error, Deno a name. */
function listenFailure(error: unknown, { hostname, port }: Config["listen"]): string {
  const { code, name } = error as { code?: string; name?: string };
  const place = `port ${port} on ${hostname}`;
  if (code === "EADDRINUSE" || name === "AddrInUse") return `${place} is taken by another process; choose another with --port or listen.port`;
  if (code === "EACCES" || name === "PermissionDenied") return `${place} may not be listened on: this user lacks the right`;
  if (code === "EADDRNOTAVAIL" || name === "AddrNotAvailable") return `${hostname} is no address of this machine; see listen.hostname`;
  return `cannot listen on ${place}: ${error instanceof Error ? error.message : String(error)}`;
}
