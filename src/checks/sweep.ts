import type { Backend, Pools } from "../core/pool.ts";
import type { Ports } from "../core/ports.ts";
import { firstSweep, nextSweep } from "./cadence.ts";
import { createFindings, type Findings } from "./findings.ts";
import { createGate, type Gate } from "./gate.ts";
import type { Check, ProbeResult } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";

/** Sweeps all pools, each at its own cadence. */
export interface Sweeper {
  /**
   * One window of sweeps: as long as the runtime's traits say, or until `signal` aborts.
   *
   * Resolves when its last probe is in; a probe that `signal` cut short is no finding. A store that fails ends nothing.
   */
  run(signal?: AbortSignal): Promise<void>;
}

interface Watched {
  readonly name: string;
  readonly check: Check;
  readonly findings: Findings;
  /** Kept across windows, which may overlap. */
  readonly prober: Prober;
}

interface Window {
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
  /** For the probes of all pools together. */
  readonly gate: Gate;
  /** Probes sent, and those that the first sweeps are sure to send. */
  spent: number;
}

export function createSweeper(
  pools: Pools,
  checks: ReadonlyMap<string, Check>,
  ports: Pick<Ports, "traits" | "transport" | "connect" | "clock" | "random" | "log">,
  options: { logSweeps: boolean; onPassed?(pool: string, backend: Backend, begunAt: number): void },
): Sweeper {
  const { clock, log, random } = ports;
  const limits = ports.traits.window;
  const unswept = new Set(checks.keys());
  let isStart = true;
  const watched = [...checks].map(([name, check]): Watched => {
    return { name, check, findings: createFindings(name, check, pools, ports), prober: createProber(check, ports) };
  });

  /** @param reserved of a pool's first sweep in the window, which is always made: the probes already counted for it */
  async function sweep(pool: Watched, window: Window, gate: Gate, reserved?: number): Promise<void> {
    const { name, check, findings, prober } = pool;
    const { signal } = window;
    const { sweptAt } = await findings.refresh();
    const begunAt = clock.now();
    const backends = findings.open(begunAt);
    const targets = backends.filter((backend) => !prober.isOut(backend));
    if (reserved === undefined && window.spent + targets.length > limits.probes) return;
    window.spent += targets.length - (reserved ?? 0);
    if (unswept.has(name) && reserved !== undefined && sweptAt !== undefined) isStart = false;
    if (backends.length === 0) findings.add(begunAt, true);

    let left = targets.length;
    const results = await Promise.all(
      targets.map(async (backend) => {
        const delay = reserved === undefined ? (random() * check.jitter * check.interval) / 100 : 0;
        const result = await prober.send(backend, delay, gate, signal);
        if (result !== undefined) findings.add(begunAt, --left === 0, { backend, result });
        if (result?.passed) options.onPassed?.(name, backend, begunAt);
        return { backend, result };
      }),
    );
    if (signal?.aborted) return;
    if (options.logSweeps) tellSweep(name, results, backends.length - targets.length);
    if (unswept.delete(name) && unswept.size === 0) tellStart();
  }

  async function watch(pool: Watched, window: Window): Promise<void> {
    const { name, check, findings } = pool;
    const { signal } = window;
    const { backends, sweptAt } = await findings.refresh();
    let tick = firstSweep(window.start, check.interval, limits.ms, sweptAt);
    if (tick === undefined) return;
    let reserved: number | undefined = backends.filter((backend) => backend.state !== "maintenance").length;
    window.spent += reserved;
    const own = createGate(check.concurrency);
    const gate: Gate = (work) => own(() => window.gate(work));
    const underWay = new Set<Promise<void>>();
    while (tick < window.end) {
      const wait = tick - clock.now();
      if (wait > 0) await clock.sleep(wait, signal);
      if (signal?.aborted || clock.now() >= window.end) break;
      const swept = sweep(pool, window, gate, reserved)
        .catch((cause: unknown) => log.error(`a sweep of pool ${name} failed`, { pool: name, cause }))
        .finally(() => underWay.delete(swept));
      underWay.add(swept);
      reserved = undefined;
      tick = nextSweep(tick, check.interval, clock.now());
    }
    await Promise.all(underWay);
    await findings.close(Number.isFinite(limits.ms), signal);
  }

  function tellSweep(
    pool: string,
    probes: readonly { backend: Backend; result: ProbeResult | undefined }[],
    passedOver: number,
  ) {
    const results = probes.map(({ backend: { id, url }, result }) => {
      return { backend: id, url, result: result?.passed ? "passed" : result?.reason, elapsedMs: result?.elapsedMs };
    });
    const passed = results.filter(({ result }) => result === "passed").length;
    const failed = results.length - passed;
    const each = results.map(({ url, result }) => `, ${url} ${result}`).join("");
    const counts = `${passed} passed, ${failed} failed, ${passedOver} passed over`;
    log.info(`sweep of pool ${pool}: ${counts}${each}`, { pool, passed, failed, passedOver, results });
  }

  function tellStart() {
    const states = watched.map(({ name }) => pools.current(name));
    const areUp = states.every(({ backends, health }) =>
      backends.every(({ id, state }) => state === "maintenance" || health[id]?.status === "healthy")
    );
    if (isStart && areUp) log.info("health checks: all backends up");
  }

  return {
    async run(signal) {
      const start = clock.now();
      const window: Window = { start, end: start + limits.ms, signal, gate: createGate(limits.concurrency), spent: 0 };
      await Promise.all(watched.map((pool) => watch(pool, window)));
    },
  };
}
