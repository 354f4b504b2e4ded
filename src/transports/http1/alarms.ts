import { setTimeout } from "node:timers";

/** A moment that something must not outlast. */
export interface Alarm {
  /** Milliseconds on the monotonic clock; Infinity: called off. */
  at: number;
  ring(): void;
}

/** Waits for many moments that nearly always are called off: one timer for all, and calling off costs nothing. */
export interface Alarms {
  add(alarm: Alarm): void;
  remove(alarm: Alarm): void;
  set(alarm: Alarm, ms: number): void;
}

export function createAlarms(): Alarms {
  const alarms = new Set<Alarm>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let firesAt = Number.POSITIVE_INFINITY;

  function schedule(at: number, now: number): void {
    if (at >= firesAt) return;
    firesAt = at;
    if (timer !== undefined) clearTimeout(timer);
    // The sockets that are waited for keep a process alive, not their deadlines.
    timer = setTimeout(fire, Math.min(Math.max(Math.ceil(at - now), 1), 2_000_000_000)).unref();
  }

  function fire(): void {
    timer = undefined;
    firesAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const alarm of alarms) {
      if (alarm.at <= now) {
        alarm.at = Number.POSITIVE_INFINITY;
        alarm.ring();
      }
      if (alarm.at < next) next = alarm.at;
    }
    if (next < Number.POSITIVE_INFINITY) schedule(next, now);
  }

  return {
    add: (alarm) => void alarms.add(alarm),
    remove: (alarm) => void alarms.delete(alarm),
    set(alarm, ms) {
      const now = performance.now();
      alarm.at = now + ms;
      schedule(alarm.at, now);
    },
  };
}
