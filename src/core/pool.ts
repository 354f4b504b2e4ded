import type { Health } from "./health.ts";

/** A place requests can go. Plain data: no state, no methods. */
export interface Backend {
  readonly id: string;
  readonly url: string;
  /** 0 takes new requests away. */
  readonly weight: number;
  /** The lowest number with an eligible backend serves; the others wait. */
  readonly priority: number;
  readonly state: "active" | "drain" | "maintenance";
}

/** What is known at one moment: what people want (`backends`) and what was seen (`health`). */
export interface Pool {
  readonly backends: readonly Backend[];
  /** By backend id; a backend without an entry was never probed and counts as healthy. */
  readonly health: Readonly<Record<string, Health>>;
}

/** Who may be picked: active, with a weight, not unhealthy, and of the first priority that has such a backend. */
export function eligible({ backends, health }: Pool): readonly Backend[] {
  const fit = backends.filter(
    (backend) => backend.state === "active" && backend.weight > 0 && health[backend.id]?.status !== "unhealthy",
  );
  const first = Math.min(...fit.map((backend) => backend.priority));
  return fit.filter((backend) => backend.priority === first);
}

/** A pool by name as this process knows it now. */
export interface Pools {
  /** Brings in what other processes wrote, at most every 10 s; `undefined` when there is nothing to wait for. */
  refresh(name: string): Promise<void> | undefined;
  /** The last known state. The list of the eligible is the same array until a transition. */
  current(name: string): PoolState;
  /** Replaces the configured backends, here at once and in the store for the others; `undefined` returns to the configuration. */
  setBackends(name: string, backends: readonly unknown[] | undefined): Promise<void>;
  /** Takes over what a sweep found; writes it to the store when `persist`. */
  setHealth(name: string, health: Pool["health"], sweptAt: number, persist: boolean): Promise<void>;
}

export interface PoolState extends Pool {
  readonly eligible: readonly Backend[];
  /** When the pool was last swept, milliseconds since the epoch; `undefined`: never. */
  readonly sweptAt: number | undefined;
}
