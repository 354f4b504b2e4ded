import type { Health } from "../../src/core/health.ts";
import type { Backend, Pools, PoolState } from "../../src/core/pool.ts";
import type { Clock } from "../../src/core/ports.ts";

export interface Write {
  readonly at: number;
  readonly pool: string;
  readonly sweptAt: number;
  readonly health: Readonly<Record<string, Health>>;
}

/** What several processes share. */
export interface FakeStore {
  readonly writes: Write[];
  failsToRead: boolean;
  failsToWrite: boolean;
}

export const createFakeStore = (): FakeStore => ({ writes: [], failsToRead: false, failsToWrite: false });

export interface FakePools extends Pools {
  /** Replaces the backends of a pool as an admin would. */
  change(name: string, backends: readonly Backend[]): void;
}

/** Pools as one process knows them: a write is taken over here at once, and the store's last one by `refresh` if it is newer. */
export function createFakePools(
  configured: Readonly<Record<string, readonly Backend[]>>,
  clock: Clock,
  store: FakeStore = createFakeStore(),
): FakePools {
  const states = new Map<string, PoolState>();
  const change = (name: string, news: Partial<PoolState>) => {
    states.set(name, { backends: [], health: {}, sweptAt: undefined, ...states.get(name), ...news });
  };
  for (const [name, backends] of Object.entries(configured)) change(name, { backends });

  return {
    current: (name) => states.get(name)!,
    change: (name, backends) => change(name, { backends }),
    async refresh(name) {
      if (store.failsToRead) throw new Error("the store is gone");
      const last = store.writes.findLast(({ pool }) => pool === name);
      if (last !== undefined && last.sweptAt > (states.get(name)!.sweptAt ?? 0)) change(name, last);
    },
    async setBackends() {},
    async setHealth(name, health, sweptAt, persist) {
      change(name, { health, sweptAt });
      if (!persist) return;
      if (store.failsToWrite) throw new Error("the store is gone");
      store.writes.push({ at: clock.now(), pool: name, sweptAt, health });
    },
  };
}

/** Backends "a", "b", … on 127.0.0.1, ports 8081 and on. */
export function backends(count: number): readonly Backend[] {
  return Array.from({ length: count }, (_, index) => ({
    id: String.fromCharCode(97 + index),
    url: `http://127.0.0.1:${8081 + index}`,
    weight: 1,
    priority: 0,
    maxRequests: 0,
    state: "active",
  }));
}
