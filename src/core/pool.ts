import type { Health } from "./health.ts";

/** A place requests can go. Plain data: no state, no methods. */
export interface Backend {
  readonly id: string;
  readonly url: string;
  /** 0 takes new requests away. */
  readonly weight: number;
  /** The lowest number with an eligible backend serves; the others wait. */
  readonly priority: number;
  /** Most requests in flight; 0 is no limit. */
  readonly maxRequests: number;
  readonly state: "active" | "drain" | "maintenance";
}

/** What is known at one moment: what people want (`backends`) and what was seen (`health`). */
export interface Pool {
  readonly backends: readonly Backend[];
  /** By backend id; a backend without an entry was never probed and counts as healthy. */
  readonly health: Readonly<Record<string, Health>>;
}

/** Whether it gets requests at all, as far as people say: active, and with a weight. */
export const isWanted = ({ state, weight }: Backend): boolean => state === "active" && weight > 0;

/** As far as checks have found. */
export const isHealthy = ({ health }: Pick<Pool, "health">, { id }: Backend): boolean =>
  health[id]?.status !== "unhealthy";

/**
 * Who may be picked: wanted, not unhealthy, not out for another reason, and of the first priority that has such a backend.
 *
 * @param panicThreshold percent: where fewer of that priority's backends are fit, whether they are fit is ignored
 */
export function eligible(
  pool: Pick<Pool, "backends" | "health">,
  isOut: (id: string) => boolean = () => false,
  panicThreshold: number = 0,
): readonly Backend[] {
  const wanted = pool.backends.filter(isWanted);
  const fit = wanted.filter((backend) => isHealthy(pool, backend) && !isOut(backend.id));
  const serving = ofPriority(fit, firstPriority(fit));
  if (panicThreshold === 0) return serving;
  const all = ofPriority(wanted, firstPriority(fit.length > 0 ? fit : wanted));
  return serving.length * 100 < all.length * panicThreshold ? all : serving;
}

function firstPriority(backends: readonly Backend[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { priority } of backends) first = Math.min(first, priority);
  return first;
}

const ofPriority = (backends: readonly Backend[], number: number): readonly Backend[] =>
  backends.filter(({ priority }) => priority === number);

/** A pool by name as this process knows it now. */
export interface Pools {
  /** Brings in what other processes wrote, at most every 10 s; `undefined` when there is nothing to wait for. */
  refresh(name: string): Promise<void> | undefined;
  /** The last known state. Its `backends` and its `health` are the same objects until a transition. */
  current(name: string): PoolState;
  /** Replaces the configured backends, here at once and in the store for the others; `undefined` returns to the configuration. */
  setBackends(name: string, backends: readonly unknown[] | undefined): Promise<void>;
  /** Takes over what a sweep found; writes it to the store when `persist`. */
  setHealth(name: string, health: Pool["health"], sweptAt: number, persist: boolean): Promise<void>;
}

export interface PoolState extends Pool {
  /** When the pool was last swept, milliseconds since the epoch; `undefined`: never. */
  readonly sweptAt: number | undefined;
}
