import { parseBackends } from "../core/config.ts";
import { parseSwept } from "../core/health.ts";
import type { Backend, Pool, Pools, PoolState } from "../core/pool.ts";
import type { Clock, Log, Store } from "../core/ports.ts";

const cacheMs = 10_000;
const storeTimeoutMs = 2_000;

interface Entry {
  readonly configured: readonly Backend[];
  state: PoolState;
  /** What the store held when it was last read or written: only another text is news. */
  seen: { backends: string | null; health: string | null };
  /** Counts what was written from here: a read that began before knows nothing of it. */
  written: number;
  readAt: number;
  readingSince: number | undefined;
}

/**
 * A typed, validated and cached view of any store.
 *
 * Reads are at most one a pool in 10 s; what cannot be read or does not pass the schema leaves the last known state in force.
 */
export function createPools(
  configured: Readonly<Record<string, readonly Backend[]>>,
  { store, clock, log }: { store: Store; clock: Clock; log: Log },
): Pools {
  const entries = new Map<string, Entry>();
  for (const [name, backends] of Object.entries(configured)) {
    entries.set(name, {
      configured: backends,
      state: { backends, health: {}, sweptAt: undefined },
      seen: { backends: null, health: null },
      written: 0,
      readAt: Number.NEGATIVE_INFINITY,
      readingSince: undefined,
    });
  }
  const failing = new Set<string>();

  function entryOf(name: string): Entry {
    const entry = entries.get(name);
    if (entry === undefined) throw new RangeError(`there is no pool "${name}"`);
    return entry;
  }

  /** A store that never answers must not hold a request. */
  async function inTime<Value>(work: Promise<Value>): Promise<Value> {
    const answered = new AbortController();
    const late = clock.sleep(storeTimeoutMs, answered.signal).then(() => {
      throw new Error(`the store did not answer within ${storeTimeoutMs} ms`);
    });
    return await Promise.race([work, late]).finally(() => {
      answered.abort();
      late.catch(() => {});
    });
  }

  async function read(name: string, entry: Entry): Promise<void> {
    entry.readingSince = clock.now();
    const { written } = entry;
    try {
      const [backends, health] = await inTime(Promise.all([store.get(backendsKey(name)), store.get(healthKey(name))]));
      if (entry.written === written) takeOverBackends(name, entry, backends);
      takeOverHealth(name, entry, health);
      failing.delete(name);
    } catch (cause) {
      // One word for all pools: they share the store.
      if (failing.size === 0) {
        log.warn("the store cannot be read; the last known state stays in force", { pool: name, cause });
      }
      failing.add(name);
    } finally {
      entry.readAt = clock.now();
      entry.readingSince = undefined;
    }
  }

  function takeOverBackends(name: string, entry: Entry, text: string | null): void {
    if (text === entry.seen.backends) return;
    entry.seen.backends = text;
    try {
      change(entry, { backends: text === null ? entry.configured : parseBackends(JSON.parse(text)) });
    } catch (cause) {
      log.warn("the store holds backends that cannot be used; they are ignored", { pool: name, cause });
    }
  }

  function takeOverHealth(name: string, entry: Entry, text: string | null): void {
    if (text === entry.seen.health || text === null) return;
    entry.seen.health = text;
    try {
      const swept = parseSwept(text);
      if (entry.state.sweptAt === undefined || swept.sweptAt > entry.state.sweptAt) change(entry, swept);
    } catch (cause) {
      log.warn("the store holds health that cannot be used; it is ignored", { pool: name, cause });
    }
  }

  return {
    refresh(name) {
      const entry = entryOf(name);
      const now = clock.now();
      if (now - entry.readAt < cacheMs) return undefined;
      // Never waits for a read that another request began: on Workers that request can end and take its read with it.
      const reading = entry.readingSince !== undefined && now - entry.readingSince < cacheMs;
      if (reading && entry.readAt > Number.NEGATIVE_INFINITY) return undefined;
      return read(name, entry);
    },
    current: (name) => entryOf(name).state,
    async setBackends(name, raw) {
      const entry = entryOf(name);
      const backends = raw === undefined ? entry.configured : parseBackends(raw);
      const text = raw === undefined ? null : JSON.stringify(backends);
      entry.written++;
      await inTime(text === null ? store.delete(backendsKey(name)) : store.put(backendsKey(name), text));
      entry.written++;
      entry.seen.backends = text;
      change(entry, { backends });
    },
    async setHealth(name, health, sweptAt, persist) {
      const entry = entryOf(name);
      change(entry, { health, sweptAt });
      if (!persist) return;
      const text = JSON.stringify({ sweptAt, health });
      await inTime(store.put(healthKey(name), text));
      entry.seen.health = text;
    },
  };
}

const backendsKey = (pool: string) => `roundabout/${pool}/backends`;
const healthKey = (pool: string) => `roundabout/${pool}/health`;

function change(entry: Entry, news: Partial<PoolState>): void {
  const pool = { ...entry.state, ...news };
  const health = news.backends === undefined ? pool.health : healthOfTheSame(entry.state, pool);
  entry.state = { ...pool, health };
}

/** What was seen of an address says nothing about another one under the same id. */
function healthOfTheSame(before: Pool, after: Pool): Pool["health"] {
  const urls = new Map(before.backends.map((backend) => [backend.id, backend.url]));
  return Object.fromEntries(
    after.backends.flatMap(({ id, url }) => {
      const known = urls.get(id) === url ? after.health[id] : undefined;
      return known === undefined ? [] : [[id, known]];
    }),
  );
}
