import type { Check } from "../../src/checks/probe.ts";
import { createSweeper, type Sweeper } from "../../src/checks/sweep.ts";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import type { Backend } from "../../src/core/pool.ts";
import type { Clock, Log, Random, Traits } from "../../src/core/ports.ts";
import { createFakeClock } from "./fake-clock.ts";
import { createFakePools, createFakeStore, type FakePools, type FakeStore } from "./fake-pools.ts";

/** A TCP check as the configuration makes it by default, without jitter. */
export function checkOf(changes: Partial<Check> = {}): Check {
  return {
    peer: { protocol: "http1", tls: undefined },
    type: "tcp",
    path: "/health",
    method: "GET",
    headers: {},
    port: undefined,
    expectedStatuses: [[200, 299]],
    expectedBody: undefined,
    interval: 10_000,
    timeout: 2_000,
    unhealthyThreshold: 3,
    healthyThreshold: 2,
    jitter: 0,
    concurrency: 32,
    ...changes,
  };
}

export const endless = {
  ms: Number.POSITIVE_INFINITY,
  probes: Number.POSITIVE_INFINITY,
  concurrency: Number.POSITIVE_INFINITY,
};
/** As on Workers. */
export const minute = { ms: 60_000, probes: 45, concurrency: 6 };

/** How a scripted backend takes a probe. */
export interface Script {
  readonly takes?: number;
  readonly fails?: ErrorCode | undefined;
}

export interface Line {
  readonly level: keyof Log;
  readonly message: string;
  readonly properties: Record<string, unknown> | undefined;
}

export interface RigOptions {
  readonly pools: Readonly<Record<string, readonly Backend[]>>;
  readonly checks?: Readonly<Record<string, Partial<Check>>>;
  readonly window?: Traits["window"];
  readonly random?: Random;
  readonly logSweeps?: boolean;
  /** Between the sweeper and the clock: one that is late, or set back. */
  readonly wrapClock?: (clock: Clock) => Clock;
}

/** A sweeper with scripted backends, a clock that is told to go on, and everything that it did. */
export function createRig(options: RigOptions) {
  const clock = createFakeClock();
  const start = clock.now();
  const store: FakeStore = createFakeStore();
  const scripts = new Map<number, Script | ((at: number) => Script)>();
  const probes: { readonly port: number; readonly at: number }[] = [];
  const lines: Line[] = [];
  let running = 0;
  let mostRunning = 0;
  let cut = 0;

  async function connect({ port }: { readonly port: number }, signal: AbortSignal): Promise<void> {
    const at = clock.now() - start;
    probes.push({ port, at });
    mostRunning = Math.max(mostRunning, ++running);
    const script = scripts.get(port) ?? {};
    const { takes = 0, fails } = typeof script === "function" ? script(at) : script;
    if (takes > 0) await clock.sleep(takes, signal);
    running--;
    if (signal.aborted) cut++;
    if (fails !== undefined) throw new ProxyError(fails);
  }

  const write = (level: keyof Log) => (message: string, properties?: Record<string, unknown>) =>
    void lines.push({ level, message, properties });
  const ports = {
    traits: { window: options.window ?? endless } as Traits,
    transport: () => Promise.reject(new ProxyError("not_supported")),
    connect,
    clock: options.wrapClock?.(clock) ?? clock,
    random: options.random ?? (() => 0.5),
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  };
  const checks = new Map(Object.keys(options.pools).map((name) => [name, checkOf(options.checks?.[name])]));

  /** A process that knows nothing but the store. */
  function fresh(): { sweeper: Sweeper; pools: FakePools } {
    const pools = createFakePools(options.pools, clock, store);
    return { pools, sweeper: createSweeper(pools, checks, ports, { logSweeps: options.logSweeps ?? false }) };
  }

  return {
    ...fresh(),
    fresh,
    clock,
    ports,
    store,
    scripts,
    lines,
    messages: () => lines.map(({ message }) => message),
    /** When a backend was probed, in milliseconds since the start. */
    probedAt: (port: number) => probes.filter((probe) => probe.port === port).map(({ at }) => at),
    probes,
    writtenAt: () => store.writes.map(({ at }) => at - start),
    mostRunning: () => mostRunning,
    running: () => running,
    cut: () => cut,
  };
}

export type Rig = ReturnType<typeof createRig>;

/** Has the sweeper run for `ms` and then stops it. */
export async function runFor(rig: Rig, ms: number): Promise<void> {
  const stop = new AbortController();
  const run = rig.sweeper.run(stop.signal);
  await rig.clock.advance(ms);
  stop.abort();
  await run;
}

/** `count` windows begun by cron a minute apart, by one process or by a new one each time. */
export async function runMinutes(
  rig: Rig,
  count: number,
  each: "same" | "fresh",
  late: (minute: number) => number = () => 0,
) {
  const start = rig.clock.now();
  for (let minute = 0; minute < count; minute++) {
    await rig.clock.advance(start + minute * 60_000 + late(minute) - rig.clock.now());
    const run = (each === "fresh" ? rig.fresh().sweeper : rig.sweeper).run();
    await rig.clock.advance(58_000);
    await run;
  }
  await rig.clock.advance(start + count * 60_000 - rig.clock.now());
}

export const every = (interval: number, until: number) =>
  Array.from({ length: until / interval }, (_, index) => index * interval);
