/**
 * When a pool is swept first in a window that begins at `start`; `undefined`: not in this one.
 *
 * At once, unless the interval is longer than the window. Then each window is a fresh process that remembers nothing, so the
 * sweeps stand on the multiples of the interval since the epoch, and the window in which one lies makes it. Cron begins a
 * window a little off the minute it is meant for, which is why the nearest one counts.
 *
 * All in milliseconds.
 *
 * @param sweptAt `undefined`: never, and then it is due at once
 */
export function firstSweep(
  start: number,
  interval: number,
  windowMs: number,
  sweptAt: number | undefined,
): number | undefined {
  if (interval <= windowMs || sweptAt === undefined) return start;
  const meant = Math.round(start / windowMs) * windowMs;
  const due = Math.ceil(meant / interval) * interval;
  return due < meant + windowMs ? start + (due - meant) : undefined;
}

/** The tick after the one at `tick`, swept at `now`: those that passed meanwhile are left out and not made up for. */
export function nextSweep(tick: number, interval: number, now: number): number {
  // The wall clock was set back: without a new beginning the sweeps would stop until it has caught up.
  if (tick - now > interval) return now + interval;
  // At least one on: a timer may fire a millisecond early, and would then be given its own tick again.
  return tick + interval * Math.max(1, Math.floor((now - tick) / interval) + 1);
}
