import type { HealthCheck } from "../core/config.ts";
import { type Health, judge } from "../core/health.ts";
import type { Pool } from "../core/pool.ts";
import type { Random, Traits } from "../core/ports.ts";
import type { SimulatedBackend } from "./backend.ts";
import type { VirtualClock } from "./clock.ts";

/** What sweeps work on, and whom they tell. */
export interface Sweeping {
  readonly check: HealthCheck;
  readonly window: Traits["window"];
  readonly backends: ReadonlyMap<string, SimulatedBackend>;
  /** The pool as it is written. */
  pool(): Pool;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** When the last window begins at the latest. */
  readonly until: number;
  /** A sweep is over that has turned somebody. */
  publish(health: Pool["health"]): void;
  onPassed(id: string, begunAt: number): void;
  onTurned(turn: Turn): void;
}

/** A backend is found to be otherwise than before, or for the first time. */
export interface Turn {
  readonly id: string;
  readonly health: Health;
  readonly isFirst: boolean;
}

/**
 * Checks as the balancer makes them: in windows by cron, or in one without an end; as many sweeps in a window as its probes allow.
 *
 * What was found is kept from window to window, as the store keeps it.
 */
export function startSweeps(begins: number, sweeping: Sweeping): void {
  const { check, window, backends, clock, random, until, onPassed, onTurned } = sweeping;
  let known: Readonly<Record<string, Health>> = {};

  function found(id: string, passed: boolean, begunAt: number): boolean {
    const before = known[id];
    const after = judge(before, passed, check, clock.now());
    if (after !== before) known = { ...known, [id]: after };
    if (passed) onPassed(id, begunAt);
    const turned = after.status !== before?.status;
    if (turned) onTurned({ id, health: after, isFirst: before === undefined });
    return turned;
  }

  /** @param isFirst of a window: its probes do not wait for a jitter */
  function sweep(isFirst: boolean): number {
    const begunAt = clock.now();
    const probed = sweeping.pool().backends.filter(({ state }) => state !== "maintenance");
    let left = probed.length;
    let hasTurned = false;
    for (const { id } of probed) {
      const delay = isFirst ? 0 : (random() * check.jitter * check.interval) / 100;
      clock.at(begunAt + delay, () => {
        const { passed, at } = backends.get(id)!.probe(clock.now(), check.type, check.timeout);
        clock.at(at, () => {
          if (found(id, passed, begunAt)) hasTurned = true;
          if (--left === 0 && hasTurned) sweeping.publish(known);
        });
      });
    }
    return probed.length;
  }

  function open(start: number): void {
    let spent = 0;
    const step = (at: number, isFirst: boolean) => {
      if (at >= Math.min(start + window.ms, until)) return;
      clock.at(at, () => {
        if (!isFirst && spent + sweeping.pool().backends.length > window.probes) return;
        spent += sweep(isFirst);
        step(at + check.interval, false);
      });
    };
    step(start, true);
    // A longer interval leaves windows out.
    const next = start + Math.max(1, Math.round(check.interval / window.ms)) * window.ms;
    if (next < until) clock.at(next, () => open(next));
  }

  open(begins);
}
