import type { Pool } from "../core/pool.ts";
import type { Random } from "../core/ports.ts";

/** What isolates share: the pool, as each of them knows it. */
export interface SharedPool {
  /** As it is written; what people and checks work on. */
  latest(): Pool;
  /** Replaces a part; the isolates learn of it later. */
  write(now: number, part: Partial<Pool>): void;
  /** As an isolate knows it now; the same object until it learns of something. */
  seenBy(isolate: number, now: number): Pool;
}

/** Milliseconds. */
export interface Delays {
  readonly delay: { readonly min: number; readonly max: number };
  readonly cache: number;
}

/**
 * A store that takes its time, and in each isolate a cache in front of it.
 *
 * Each isolate has its own delay for each write, as the locations of a KV have.
 */
export function createSharedPool(
  initial: Pool,
  isolates: number,
  { delay: { min, max }, cache }: Delays,
  random: Random,
): SharedPool {
  const versions: { readonly pool: Pool; readonly visibleAt: Float64Array | undefined }[] = [
    { pool: initial, visibleAt: undefined },
  ];
  const seen = new Uint32Array(isolates);
  const readAt = new Float64Array(isolates).fill(Number.NEGATIVE_INFINITY);
  const latest = () => versions.at(-1)!.pool;

  return {
    latest,
    write(now, part) {
      const visibleAt = new Float64Array(isolates).map(() => now + min + (max - min) * random());
      versions.push({ pool: { ...latest(), ...part }, visibleAt });
    },
    seenBy(isolate, now) {
      if (now - readAt[isolate]! >= cache) {
        readAt[isolate] = now;
        const last = versions.length - 1;
        for (let version = last; version > seen[isolate]!; version--) {
          if (versions[version]!.visibleAt![isolate]! > now) continue;
          seen[isolate] = version;
          break;
        }
      }
      return versions[seen[isolate]!]!.pool;
    },
  };
}
