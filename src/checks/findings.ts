import { type Health, type HealthRule, judge } from "../core/health.ts";
import type { Backend, Pool, Pools, PoolState } from "../core/pool.ts";
import type { Ports } from "../core/ports.ts";
import type { ProbeResult } from "./probe.ts";

// A KV takes one write a second for a key, and on the free plan 1,000 a day: a minute's cron that wrote each time would be 1,440.
const spacingMs = 1_000;
const heartbeatMs = 600_000;
/** A write that is out longer than this was killed together with the cron run that began it. */
const lostMs = 10_000;

/** What the sweeps found of one pool: judged, told in the log, and written to the store as seldom as it can be. */
export interface Findings {
  /** The pool as other processes now want it; of a store that fails, the last known state. */
  refresh(): Promise<PoolState>;
  /** The backends that a sweep probes; what is known of all others is forgotten. */
  open(begunAt: number): readonly Backend[];
  /** @param isLast nothing more comes of this sweep; of one without probes this is the only call, and has no finding */
  add(begunAt: number, isLast: boolean, finding?: { backend: Backend; result: ProbeResult }): void;
  /**
   * Writes what is not written yet.
   *
   * @param withStreaks also when only a streak differs: for a process that may not live to see the next window
   */
  close(withStreaks: boolean, signal?: AbortSignal): Promise<void>;
}

export function createFindings(
  name: string,
  rule: HealthRule,
  pools: Pools,
  { clock, log }: Pick<Ports, "clock" | "log">,
): Findings {
  /** What the store holds, as far as this process knows, and the sweep it is from. */
  let saved: { health: Pool["health"]; sweptAt: number | undefined } = { health: {}, sweptAt: undefined };
  /** The last sweep handed over from here: where the pool knows of another one, that came from the store. */
  let ownSweptAt: number | undefined;
  let unsavedSince: number | undefined;
  let writtenAt = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> | undefined;
  const failing = new Set<string>();

  function failed(what: "read" | "written", cause: unknown): void {
    if (failing.has(what)) return;
    failing.add(what);
    log.warn(`the health of pool ${name} cannot be ${what}; the last known state stays in force`, {
      pool: name,
      cause,
    });
  }

  async function handOver(health: Pool["health"], sweptAt: number, persist: boolean): Promise<void> {
    ownSweptAt = sweptAt;
    try {
      await pools.setHealth(name, health, sweptAt, persist);
      if (!persist) return;
      saved = { health, sweptAt };
      failing.delete("written");
    } catch (cause) {
      if (persist) unsavedSince ??= clock.now();
      failed("written", cause);
    }
  }

  async function write(health: Pool["health"], sweptAt: number): Promise<void> {
    writtenAt = clock.now();
    unsavedSince = undefined;
    const mine = handOver(health, sweptAt, true);
    writing = mine;
    await mine;
    if (writing === mine) writing = undefined;
  }

  function keep(health: Pool["health"], begunAt: number, isLast: boolean): void {
    const now = clock.now();
    const before = pools.current(name);
    // A slow probe of an earlier sweep does not turn the time back.
    const sweptAt = Math.max(begunAt, before.sweptAt ?? begunAt);
    const heartbeat = sweptAt - (saved.sweptAt ?? Number.NEGATIVE_INFINITY) >= heartbeatMs;
    // One write for all that a sweep turned, unless a slow probe would hold it back for long.
    const isDue = isLast ? heartbeat || unsavedSince !== undefined : now - (unsavedSince ?? now) >= spacingMs;
    const mayWrite = now - writtenAt >= (writing === undefined ? spacingMs : lostMs);
    if (isDue && mayWrite) void write(health, sweptAt);
    else if (health !== before.health || sweptAt !== before.sweptAt) void handOver(health, sweptAt, false);
  }

  function tell({ id: backend, url }: Backend, before: Health | undefined, result: ProbeResult): void {
    if (!result.passed) {
      log.warn(`backend DOWN ${url} (${result.reason})`, { pool: name, backend, url, reason: result.reason });
    } else if (before !== undefined) {
      log.info(`backend UP ${url}`, { pool: name, backend, url });
    }
  }

  return {
    async refresh() {
      try {
        const refreshing = pools.refresh(name);
        if (refreshing !== undefined) {
          await refreshing;
          failing.delete("read");
        }
      } catch (cause) {
        failed("read", cause);
      }
      const state = pools.current(name);
      if (state.sweptAt !== ownSweptAt) saved = { health: state.health, sweptAt: state.sweptAt };
      return state;
    },

    open(begunAt) {
      const { backends, health } = pools.current(name);
      const probed = backends.filter((backend) => backend.state !== "maintenance");
      const ids = new Set(probed.map((backend) => backend.id));
      const known = Object.entries(health);
      const kept = known.filter(([id]) => ids.has(id));
      if (kept.length < known.length) {
        unsavedSince ??= clock.now();
        keep(Object.fromEntries(kept), begunAt, false);
      }
      return probed;
    },

    add(begunAt, isLast, finding) {
      const { backends, health } = pools.current(name);
      const asked = finding?.backend;
      const backend = backends.find(({ id, url, state }) =>
        id === asked?.id && url === asked.url && state !== "maintenance"
      );
      // What a probe found of a backend that was changed meanwhile says nothing about what it is now.
      if (finding === undefined || backend === undefined) return keep(health, begunAt, isLast);
      const before = health[backend.id];
      const after = judge(before, finding.result.passed, rule, clock.now());
      const turned = after.status !== before?.status;
      if (turned) unsavedSince ??= clock.now();
      keep(after === before ? health : { ...health, [backend.id]: after }, begunAt, isLast);
      if (turned) tell(backend, before, finding.result);
    },

    async close(withStreaks, signal) {
      if (clock.now() - writtenAt < lostMs) await writing;
      const differs = withStreaks && haveOtherStreaks(pools.current(name).health, saved.health);
      if (unsavedSince === undefined && !differs) return;
      const wait = writtenAt + spacingMs - clock.now();
      if (wait > 0) await clock.sleep(wait, signal);
      const { health, sweptAt } = pools.current(name);
      if (sweptAt !== undefined) await write(health, sweptAt);
    },
  };
}

function haveOtherStreaks(one: Pool["health"], other: Pool["health"]): boolean {
  return Object.entries(one).some(([id, { streak }]) => streak !== other[id]?.streak);
}
