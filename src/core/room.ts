import type { Meter } from "./policy.ts";
import type { Backend } from "./pool.ts";

/** Leaves out who has as many requests in flight as it may have. */
export interface Room {
  has(backend: Backend): boolean;
  /** The same array until one of them is full or no longer so: policies keep tables by its identity. */
  among(backends: readonly Backend[]): readonly Backend[];
}

interface Limited {
  readonly backend: Backend;
  readonly meter: Meter;
  isFull: boolean;
}

/** Knows who is below its `maxRequests`. */
export function createRoom(meter: (id: string) => Meter): Room {
  let of: readonly Backend[] = [];
  let limited: readonly Limited[] = [];
  let list: readonly Backend[] = [];

  const has = ({ id, maxRequests }: Backend) => maxRequests === 0 || meter(id).inFlight < maxRequests;

  function follow(backends: readonly Backend[]): void {
    of = list = backends;
    limited = backends
      .filter(({ maxRequests }) => maxRequests > 0)
      .map((backend) => ({ backend, meter: meter(backend.id), isFull: false }));
  }

  return {
    has,
    among(backends) {
      if (of !== backends) follow(backends);
      if (limited.length === 0) return backends;
      let hasChanged = false;
      for (const one of limited) {
        const isFull = one.meter.inFlight >= one.backend.maxRequests;
        hasChanged ||= isFull !== one.isFull;
        one.isFull = isFull;
      }
      if (!hasChanged) return list;
      const full = new Set(limited.filter(({ isFull }) => isFull).map(({ backend }) => backend));
      list = full.size === 0 ? backends : backends.filter((backend) => !full.has(backend));
      return list;
    },
  };
}
