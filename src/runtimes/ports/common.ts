import { getLogger } from "@logtape/logtape";
import type { Clock, Log, Ports } from "../../core/ports.ts";

/** The ports as a runtime brings them; the store is chosen by the configuration. */
export type RuntimePorts = Omit<Ports, "store">;

const clock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake);
    });
  },
};

/** What is the same everywhere. The log is silent until LogTape is configured. */
export const common = {
  clock,
  random: Math.random,
  newId: () => crypto.randomUUID(),
  log: getLogger(["roundabout"]) as Log,
} as const;

/** Listens to a request's own signal, where the runtime has no better way to tell that the client has left. */
export function onSignal(request: Request): (listener: () => void) => () => void {
  return (listener) => {
    const { signal } = request;
    if (signal.aborted) listener();
    signal.addEventListener("abort", listener);
    return () => signal.removeEventListener("abort", listener);
  };
}
