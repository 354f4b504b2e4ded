import { onSignal } from "./common.ts";

const tickMs = 25;
/** Who came since the last tick, and who before. */
let young = new Set<() => void>();
let old = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Listens to a request's own signal, as `onSignal` does, but from a moment later on: making a signal costs as much as the rest of a
 * short request, and most are over by then.
 *
 * A client that leaves within that moment is noticed after it.
 */
export function onLateSignal(request: Request): (listener: () => void) => () => void {
  return (listener) => {
    let stop: (() => void) | undefined;
    const begin = () => void (stop = onSignal(request)(listener));
    young.add(begin);
    timer ??= setInterval(tick, tickMs);
    return () => {
      if (!young.delete(begin)) old.delete(begin);
      stop?.();
    };
  };
}

function tick(): void {
  const due = old;
  old = young;
  young = new Set();
  for (const begin of due) begin();
  if (old.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
