import assert from "node:assert/strict";
import {
  type Balancer,
  type BalancerEvent,
  type BalancerRule,
  createBalancer,
  type Pick,
} from "../../src/core/balancer.ts";
import type { Health } from "../../src/core/health.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { Backend, Pool } from "../../src/core/pool.ts";
import { backend, seededRandom } from "./arbitraries.ts";
import { failure, type Fate } from "./balancing.ts";

/** A request that is under way, as the world knows it. */
interface Open {
  readonly id: string;
  readonly pick: Pick;
  /** What it began with: another backend under the same id is not its own. */
  readonly url: string;
  head: boolean;
}

/** An ejection as the log told it. */
interface Out {
  until: number;
  trial: { readonly open: Open; readonly begunAt: number } | undefined;
}

const patienceMs = 30_000;
const fates: readonly Fate[] = [".", "x", "5", "g", "b", "a"];

/**
 * A pool to which everything happens, and a second, slow opinion on each pick: who could have been picked is counted
 * anew from what the world did and what the log told.
 */
export interface World {
  /** Lets things happen until so many picks were asked for. */
  live(picks: number): void;
  /** Ends everything that is under way, and makes everybody good: nothing may be left of what was. */
  settle(): void;
  /** Picks by id, of a pool to which nothing happens. */
  spread(picks: number): ReadonlyMap<string, number>;
  readonly backends: readonly Backend[];
}

export function createWorld(seed: number, createPolicy: () => Policy, changes: Partial<BalancerRule>): World {
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const one = <Value>(list: readonly Value[]): Value => list[below(list.length)]!;

  const rule: BalancerRule = {
    outlierDetection: {
      consecutiveErrors: 3,
      consecutive5xx: 6,
      successRate: { interval: 2_000, minimumBackends: 3, requestVolume: 10, stdevFactor: 1_000 },
      baseEjectionTime: 1_000,
      maxEjectionTime: 10_000,
      maxEjectionPercent: 50,
    },
    panicThreshold: 0,
    slowStart: { window: 0, aggression: 1, minWeightPercent: 10 },
    drainMs: 10_000,
    decayMs: 1_000,
    ...changes,
  };

  let now = 1_000_000;
  let nextId = 0;
  let pool: Pool = { backends: [], health: {} };
  /** Ids that fail now, and how often of ten times. */
  const badness = new Map<string, number>();
  const outs = new Map<string, Out>();
  const drainingSince = new Map<string, number>();
  const inFlight = new Map<string, number>();
  const opened: Open[] = [];
  /** After the clock was put back nobody here knows when ejections of before end. */
  let isUnsure = false;
  /** Nor when those that drained then are to be empty: the balancer notices only when it is asked for one of them. */
  const unsureDrains = new Set<string>();

  const isWanted = ({ state, weight }: Backend) => state === "active" && weight > 0;
  const isHealthy = ({ id }: Backend) => pool.health[id]?.status !== "unhealthy";
  const isOut = ({ id }: Backend) => {
    const out = outs.get(id);
    if (out === undefined) return false;
    return now < out.until || (out.trial !== undefined && now < out.trial.begunAt + patienceMs);
  };
  const loadOf = (id: string) => inFlight.get(id) ?? 0;
  const hasRoom = ({ id, maxRequests }: Backend) => maxRequests === 0 || loadOf(id) < maxRequests;

  function tell(event: BalancerEvent): void {
    if (event.kind === "drained") return;
    if (event.kind === "returned") {
      assert.ok(outs.delete(event.id), `${event.id} returns and was not out`);
      return;
    }
    const wanted = pool.backends.filter(isWanted);
    const isTrials = outs.has(event.id);
    outs.set(event.id, { until: now + event.forMs, trial: undefined });
    if (isTrials) return;
    const out = wanted.filter(({ id }) => outs.has(id));
    assert.ok(out.length <= wanted.length / 2, `${out.length} of ${wanted.length} are out`);
    const left = wanted.some((other) => isHealthy(other) && !outs.has(other.id));
    assert.ok(left, `${event.id} was the last`);
  }

  const balancer: Balancer = createBalancer(createPolicy, rule, { random, now: () => now, tell });

  /** Who may be picked beside these, in the words of the configuration. */
  function choices(tried: ReadonlySet<string>): readonly Backend[] {
    const wanted = pool.backends.filter(isWanted);
    const healthy = wanted.filter(isHealthy);
    const fit = healthy.filter((other) => !isOut(other));
    const serving = ofFirst(fit);
    const all = fit.length > 0 ? wanted.filter(({ priority }) => priority === serving[0]!.priority) : ofFirst(wanted);
    const isPanic = serving.length * 100 < all.length * rule.panicThreshold;
    const usual = isPanic ? all : serving.length > 0 ? serving : ofFirst(healthy);
    const left = usual.filter(({ id }) => !tried.has(id));
    return left.length > 0 ? left : ofFirst(fit.filter(({ id }) => !tried.has(id)));
  }

  function keeps(id: string): Backend | undefined {
    const found = pool.backends.find((other) => other.id === id);
    // Who serves everybody, fit or not, serves its own sessions too.
    if (found === undefined || choices(new Set()).includes(found)) return found;
    if (!isHealthy(found) || isOut(found) || found.state === "maintenance") return undefined;
    return isWanted(found) || now - drainingSince.get(id)! < rule.drainMs ? found : undefined;
  }

  function followDrains(): void {
    for (const { id, state, weight } of pool.backends) {
      const drains = state === "drain" || (state === "active" && weight === 0);
      if (!drains) {
        drainingSince.delete(id);
        unsureDrains.delete(id);
      } else drainingSince.set(id, Math.min(drainingSince.get(id) ?? now, now));
    }
  }

  function pick(): void {
    const tried = new Set(random() < 0.2 && pool.backends.length > 0 ? [one(pool.backends).id] : []);
    const wanted = random() < 0.2 && nextId > 0 ? `b${below(nextId)}` : undefined;
    followDrains();
    balancer.candidates(pool); // what time brings is told before it is asked for
    if (outs.size === 0) isUnsure = false;
    const able = choices(tried).filter(hasRoom);
    const kept = wanted === undefined || tried.has(wanted) ? undefined : keeps(wanted);
    const made = balancer.pick(pool, { key: () => String(below(1000)), tried, wanted });
    if (isUnsure || (wanted !== undefined && unsureDrains.has(wanted))) {
      if (made !== undefined) assert.ok(pool.backends.some((other) => other.id === made.backend.id));
    } else if (kept !== undefined && hasRoom(kept)) {
      assert.equal(made?.backend.id, kept.id, "a session is kept");
    } else {
      assert.equal(made !== undefined, able.length > 0, "somebody is picked if somebody can be");
      if (made !== undefined) assert.ok(able.some(({ id }) => id === made.backend.id), `${made.backend.id} is picked`);
    }
    if (made === undefined) return;
    const { id, url } = made.backend;
    assert.ok(hasRoom(pool.backends.find((other) => other.id === id)!), `${id} is full`);
    inFlight.set(id, loadOf(id) + 1);
    const open: Open = { id, url, pick: made, head: false };
    opened.push(open);
    const out = outs.get(id);
    const isAsked = out !== undefined && now >= out.until;
    if (isAsked && (out.trial === undefined || now >= out.trial.begunAt + patienceMs)) {
      out.trial = { open, begunAt: now };
    }
  }

  function end(open: Open, fate: Fate): void {
    if (fate !== "x" && fate !== "a" && !open.head) {
      open.head = true;
      open.pick.answered(fate === "5" ? 500 : fate === "g" ? 503 : 200);
    }
    const out = outs.get(open.id);
    const isTrial = out?.trial?.open === open;
    const broken = fate === "x" ? failure() : fate === "a" ? failure("client_aborted") : undefined;
    open.pick.done(fate === "b" ? failure("http_response_incomplete") : broken);
    if (isTrial && fate === "a" && outs.get(open.id) === out && out.trial?.open === open) out.trial = undefined;
    if (random() < 0.1) open.pick.done(failure());
    inFlight.set(open.id, loadOf(open.id) - 1);
    opened.splice(opened.indexOf(open), 1);
  }

  /** Often as the backend is, sometimes anything; now and then the head comes long before the end. */
  function proceed(): void {
    if (opened.length === 0) return;
    const open = one(opened);
    if (!open.head && random() < 0.2) {
      open.head = true;
      return open.pick.answered(200);
    }
    const isBad = below(10) < (badness.get(open.id) ?? 0);
    end(open, random() < 0.05 ? one(fates) : isBad ? one(["x", "5", "g", "b"] as const) : ".");
  }

  function change(id: string, to: Partial<Backend>): void {
    pool = { ...pool, backends: pool.backends.map((other) => (other.id === id ? { ...other, ...to } : other)) };
  }

  function forget(id: string): void {
    outs.delete(id);
    drainingSince.delete(id);
    unsureDrains.delete(id);
    pool = { ...pool, health: Object.fromEntries(Object.entries(pool.health).filter(([other]) => other !== id)) };
  }

  function add(): void {
    const id = `b${nextId++}`;
    pool = { ...pool, backends: [...pool.backends, backend(id, { weight: 1 + below(5), priority: below(2) })] };
  }

  function sweep(id: string, status: Health["status"]): void {
    pool = { ...pool, health: { ...pool.health, [id]: { status, streak: below(3), since: now } } };
  }

  function happen(): void {
    if (pool.backends.length === 0) return add();
    const { id, url } = one(pool.backends);
    const events: readonly (() => void)[] = [
      () => sweep(id, "unhealthy"),
      () => sweep(id, "healthy"),
      () => sweep(id, pool.health[id]?.status ?? "healthy"),
      () => change(id, { state: one(["active", "active", "drain", "maintenance"] as const) }),
      () => change(id, { weight: one([0, 0.5, 1, 2, 10]) }),
      () => change(id, { priority: below(3) }),
      () => change(id, { maxRequests: one([0, 0, 1, 3, 8]) }),
      () => void badness.set(id, one([0, 0, 0, 3, 10])),
      () => void badness.set(id, 0),
      () => void (pool.backends.length < 10 && add()),
      () => {
        if (pool.backends.length < 3) return;
        pool = { ...pool, backends: pool.backends.filter((other) => other.id !== id) };
        forget(id);
        balancer.candidates(pool);
      },
      () => {
        change(id, { url: `${url}x` });
        forget(id);
        balancer.candidates(pool);
      },
      () => balancer.checkPassed(id, now - below(2_000)),
      () => void (now += below(5_000)),
      () => void (now += one([20_000, 60_000])),
      () => {
        if (random() < 0.95) return;
        now -= below(100_000);
        isUnsure = true;
        for (const drain of drainingSince.keys()) unsureDrains.add(drain);
      },
    ];
    one(events)();
  }

  function checkCounts(): void {
    assert.equal(balancer.inFlight(), opened.length);
    for (const [id, count] of inFlight) assert.equal(balancer.inFlight(id), count);
  }

  return {
    get backends() {
      return pool.backends;
    },
    live(picks) {
      while (pool.backends.length < 6) add();
      for (let asked = 0; asked < picks; asked++) {
        pick();
        if (opened.length > 30 || random() < 0.5) proceed();
        if (random() < 0.5) proceed();
        if (random() < 0.03) happen();
        now += below(20);
        if (asked % 500 === 0) checkCounts();
      }
    },
    settle() {
      while (opened.length > 0) end(opened[0]!, one(fates));
      checkCounts();
      assert.equal(balancer.inFlight(), 0);
      for (const id of inFlight.keys()) assert.equal(balancer.inFlight(id), 0);
      inFlight.clear();
      badness.clear();
      const good = { state: "active", priority: 0, maxRequests: 0 } as const;
      pool = { backends: pool.backends.map((other) => ({ ...other, ...good, weight: 1 + below(3) })), health: {} };
      now += 400_000; // longer than any ejection
    },
    spread(picks) {
      const got = new Map<string, number>();
      for (let asked = 0; asked < picks; asked++) {
        const made = balancer.pick(pool, { key: () => String(asked) })!;
        const { id } = made.backend;
        got.set(id, (got.get(id) ?? 0) + 1);
        now += 5;
        made.answered(200);
        made.done();
      }
      return got;
    },
  };
}

function ofFirst(backends: readonly Backend[]): readonly Backend[] {
  const first = Math.min(...backends.map(({ priority }) => priority));
  return backends.filter(({ priority }) => priority === first);
}
