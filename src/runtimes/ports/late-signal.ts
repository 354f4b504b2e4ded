import { onSignal } from "./common.ts";

const tickMs = 25;

/** In the place of each request that is over stands nothing. */
type Requests = ((() => void) | undefined)[];

// Not Sets: what is taken out of one goes on leading to what came after it on Bun, and that garbage costs a tenth of a request.
/** Who came since the last tick, and who before. */
let young: Requests = [];
let old: Requests = [];
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
    const requests = young;
    const place = requests.push(() => void (stop = onSignal(request)(listener))) - 1;
    timer ??= setInterval(tick, tickMs);
    return () => {
      requests[place] = undefined;
      stop?.();
    };
  };
}

function tick(): void {
  const due = old;
  old = young;
  young = [];
  for (const begin of due) begin?.();
  if (old.length > 0) return;
  clearInterval(timer);
  timer = undefined;
}
