import type { Draining } from "./draining.ts";
import type { Ejections } from "./ejections.ts";
import type { Health } from "./health.ts";
import { type Backend, eligible, isHealthy, isWanted, type Pool } from "./pool.ts";
import { createSlowStart, type SlowStartRule } from "./slow-start.ts";

/** Who may be picked now, of a pool that changes. */
export interface Members {
  /** With the weights that hold now; the same array until a transition. */
  candidates(pool: Pool, now: number): readonly Backend[];
  /** The candidates; where there are none, those that are out only by ejection, which is a guess and better than nobody. */
  choices(pool: Pool, now: number): readonly Backend[];
  /** The choices beside those that were tried; backups too, where nobody else is left. */
  untried(pool: Pool, tried: ReadonlySet<string>, now: number): readonly Backend[];
  /** How many are wanted, healthy and not out, of all priorities. */
  fit(pool: Pool, now: number): number;
  /**
   * Who keeps the sessions it has: the choices, though not all of them are fit, everybody else who is fit, and those
   * that are to be emptied, as long as they may be.
   */
  keepsSessions(pool: Pool, id: string, now: number): Backend | undefined;
  /** Whether this one may be ejected too: never more than a part, and never the last one that could be picked. */
  mayEject(id: string, maxPercent: number): boolean;
}

export interface MembersRule {
  readonly panicThreshold: number;
  readonly slowStart: SlowStartRule;
}

/**
 * Follows a pool and the ejections from it.
 *
 * @param onChange these are its backends from now on
 */
export function createMembers(
  { panicThreshold, slowStart }: MembersRule,
  ejections: Pick<Ejections, "isOut" | "isIn" | "version" | "forget"> | undefined,
  draining: Draining,
  onChange: (ids: ReadonlyMap<string, Backend>) => void,
): Members {
  const starts = createSlowStart(slowStart);
  let known: Pick<Pool, "backends" | "health"> = { backends: [], health: {} };
  let byId: ReadonlyMap<string, Backend> = new Map();
  let version: number | undefined;
  let fit = 0;
  let list: readonly Backend[] = [];
  let lastResort: readonly Backend[] = [];
  let chosenFrom: ReadonlySet<string> = new Set();
  /** Those that got nothing when last looked at: they have cold caches when they come back. */
  const away = new Set<string>();

  const isOut = (id: string) => ejections?.isOut(id) ?? false;
  const isIn = (backend: Backend) =>
    isWanted(backend) && isHealthy(known, backend) && (ejections?.isIn(backend.id) ?? true);

  function followBackends(backends: readonly Backend[], now: number): void {
    const before = known.backends;
    byId = new Map(backends.map((backend) => [backend.id, backend]));
    for (const { id, url } of before) {
      if (byId.get(id)?.url === url) continue;
      ejections?.forget(id);
      starts.forget(id);
      away.delete(id);
      draining.forget(id);
    }
    onChange(byId);
    draining.follow(backends, now);
  }

  function follow(pool: Pool, now: number): void {
    const changed = ejections?.version(now) ?? 0;
    if (known.backends === pool.backends && known.health === pool.health && version === changed) return;
    const before = { byId, health: known.health };
    if (known.backends !== pool.backends) followBackends(pool.backends, now);
    known = { backends: pool.backends, health: pool.health };
    // Where nobody asked meanwhile, only the time of the turn tells of an outage that has come and gone.
    const wasAway = ({ id, url }: Backend) =>
      before.byId.get(id)?.url === url && hasTurned(before.health[id], pool.health[id]);
    for (const backend of pool.backends) {
      if (!isIn(backend)) away.add(backend.id);
      else if (away.delete(backend.id) || wasAway(backend)) starts.begin(backend.id, now);
    }
    fit = pool.backends.filter((backend) => isWanted(backend) && isHealthy(pool, backend) && !isOut(backend.id)).length;
    list = sameOr(list, eligible(pool, isOut, panicThreshold));
    lastResort = list.length > 0 ? [] : sameOr(lastResort, eligible(pool));
    chosenFrom = new Set([...list, ...lastResort].map(({ id }) => id));
    version = ejections?.version(now) ?? 0;
  }

  function candidates(pool: Pool, now: number): readonly Backend[] {
    follow(pool, now);
    return starts.weigh(list, now);
  }

  function choices(pool: Pool, now: number): readonly Backend[] {
    const all = candidates(pool, now);
    return all.length > 0 ? all : lastResort;
  }

  return {
    candidates,
    choices,
    untried(pool, tried, now) {
      const left = choices(pool, now).filter(({ id }) => !tried.has(id));
      return left.length > 0 ? left : eligible(pool, (id) => tried.has(id) || isOut(id));
    },
    fit(pool, now) {
      follow(pool, now);
      return fit;
    },
    keepsSessions(pool, id, now) {
      follow(pool, now);
      const backend = byId.get(id);
      // Who serves everybody, fit or not, serves its own sessions first.
      if (backend === undefined || chosenFrom.has(id)) return backend;
      if (!isHealthy(pool, backend) || isOut(id)) return undefined;
      return isWanted(backend) || draining.keepsSessions(id, now) ? backend : undefined;
    },
    mayEject(id, maxPercent) {
      const wanted = known.backends.filter(isWanted);
      const out = wanted.filter((backend) => ejections?.isIn(backend.id) === false).length;
      return (out + 1) * 100 <= wanted.length * maxPercent &&
        wanted.some((backend) => backend.id !== id && isIn(backend));
    },
  };
}

/** Found healthy for the first time, it has not come back from anywhere. */
const hasTurned = (before: Health | undefined, after: Health | undefined): boolean =>
  before !== undefined && after !== undefined && after.since > before.since;

const sameOr = (before: readonly Backend[], next: readonly Backend[]): readonly Backend[] =>
  next.length === before.length && next.every((one, index) => one === before[index]) ? before : next;
