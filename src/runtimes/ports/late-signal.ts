import { onSignal } from "./common.ts";
const tickMs = 25;
let young: ((() => void) | undefined)[] = [];
let old: ((() => void) | undefined)[] = [];
let timer: ReturnType<typeof setInterval> | undefined;
export function onLateSignal(request: Request): (listener: () => void) => () => void {
  return (listener) => {
    let stop: (() => void) | undefined;
    const list = young;
    const index = list.push(() => void (stop = onSignal(request)(listener))) - 1;
    timer ??= setInterval(tick, tickMs);
    return () => {
      list[index] = undefined;
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
