import type { Clock } from "../core/ports.ts";

const late = Symbol("late");

/**
 * What `work` gives, or `undefined` when `ms` pass or `signal` aborts first.
 *
 * Then the signal that `work` was given aborts, and what becomes of it is not waited for: some clients ignore a signal while
 * they connect. Leaves no timer and no listener.
 *
 * @throws whatever `work` throws in time
 */
export async function within<T>(
  ms: number,
  work: (cut: AbortSignal) => Promise<T>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const cut = new AbortController();
  const waiting = new AbortController();
  const stopWaiting = () => waiting.abort();
  signal?.addEventListener("abort", stopWaiting);
  if (signal?.aborted) stopWaiting();
  try {
    const outcome = await Promise.race([
      work(cut.signal),
      clock.sleep(ms, waiting.signal).then((): typeof late => late),
    ]);
    if (outcome !== late) return outcome;
    cut.abort();
    return undefined;
  } finally {
    signal?.removeEventListener("abort", stopWaiting);
    stopWaiting();
  }
}
