import type { Backend } from "../core/pool.ts";
import type { Ports } from "../core/ports.ts";
import type { Gate } from "./gate.ts";
import { type Check, probe, type ProbeResult } from "./probe.ts";

/** Sends the probes of one pool; asked first, never two to one backend over each other. */
export interface Prober {
  /** Whether the last probe of a backend is still out: a timeout may be longer than the interval. */
  isOut(backend: Backend): boolean;
  /**
   * Probes when `delayMs` have passed and `gate` has room; the backend is out from now on.
   *
   * `undefined` when `signal` aborted: then nothing was found.
   */
  send(
    backend: Backend,
    delayMs: number,
    gate: Gate,
    signal: AbortSignal | undefined,
  ): Promise<ProbeResult | undefined>;
}

export function createProber(
  check: Check,
  ports: Pick<Ports, "traits" | "transport" | "connect" | "clock">,
): Prober {
  const { clock, traits } = ports;
  // A cron run that the platform killed never gives its probes back: those of a window that is long over do not count.
  const lostMs = traits.window.ms + check.timeout;
  const out = new Map<string, { since: number }>();

  return {
    isOut(backend) {
      const last = out.get(backend.id);
      return last !== undefined && clock.now() - last.since < lostMs;
    },
    async send(backend, delayMs, gate, signal) {
      const mine = { since: clock.now() };
      out.set(backend.id, mine);
      try {
        if (delayMs > 0) await clock.sleep(delayMs, signal);
        const result = await gate(
          async () => (signal?.aborted ? undefined : await probe(backend, check, ports, signal)),
        );
        return signal?.aborted ? undefined : result;
      } finally {
        if (out.get(backend.id) === mine) out.delete(backend.id);
      }
    },
  };
}
