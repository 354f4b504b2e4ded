import type { Client, Log, Ports } from "../../src/core/ports.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { seededRandom } from "./arbitraries.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";

export interface Line {
  readonly level: keyof Log;
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface TestPorts extends Ports {
  readonly clock: FakeClock;
  /** What was logged. */
  readonly lines: Line[];
}

/** What a test brings: Node's traits, a clock that stands still, ids that count, and a client at 192.0.2.1 that stays. */
export function createTestPorts(changes: Partial<Omit<Ports, "clock" | "log">> = {}): TestPorts {
  const lines: Line[] = [];
  const write = (level: keyof Log) => (message: string, properties: Record<string, unknown> = {}) =>
    void lines.push({ level, message, properties });
  let ids = 0;
  return {
    traits: traits.node,
    transport: () => Promise.reject(new Error("this test brings no transport")),
    webSockets: {
      open: () => Promise.reject(new Error("this test brings no WebSockets")),
      count: () => 0,
      goAway: () => Promise.resolve(),
    },
    store: createMemoryStore(),
    clock: createFakeClock(),
    random: seededRandom(1),
    newId: () => `id-${++ids}`,
    connect: () => Promise.resolve(),
    client: () => clientAt("192.0.2.1", 8080),
    ...changes,
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    lines,
  };
}

/** A client that stays to the end. */
export const clientAt = (address: string | undefined, port?: number): Client => ({
  address,
  port,
  onLeave: () => () => {},
});

/** A client that leaves when it is told to. */
export function leavingClient(address = "192.0.2.1"): Client & { leave(): void; listeners(): number } {
  const listeners = new Set<() => void>();
  return {
    address,
    port: 8080,
    onLeave(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    leave() {
      for (const listener of listeners) listener();
    },
    listeners: () => listeners.size,
  };
}
