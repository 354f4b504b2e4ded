import type { PoolConfig } from "../core/config.ts";
import type { Pool } from "../core/pool.ts";
import { createBackend, type SimulatedBackend } from "./backend.ts";
import { startArrivals } from "./arrivals.ts";
import { createClock, type VirtualClock } from "./clock.ts";
import { createIsolate } from "./isolate.ts";
import { namesOf, type Plan } from "./plan.ts";
import { createRandom } from "./random.ts";
import { createRecorder, type Observed } from "./record.ts";
import { sendRequest } from "./request.ts";
import type { Scenario } from "./schema.ts";
import { createSharedPool, type SharedPool } from "./store.ts";
import { startSweeps, type Sweeping } from "./sweep.ts";
import { createTimeline, phasesOf, turnsOf } from "./timeline.ts";

/** Where there is no cron, each process checks for itself and knows at once. */
const atOnce = { delay: { min: 0, max: 0 }, cache: 0 };

/**
 * Plays one run: the core as it is, between clients and backends that are made of numbers.
 *
 * Clients come for `duration`; then what is under way ends.
 */
export function simulate({ scenario, pool, traits }: Plan, seed: number): Observed {
  const clock = createClock();
  const random = (stream: string) => createRandom(seed, stream);
  const backends = createBackends(scenario, random);
  const ids = [...backends.keys()];
  const record = createRecorder(scenario, ids, clock);
  const isCron = Number.isFinite(traits.window.ms);
  const initial: Pool = { backends: pool.backends, health: {} };
  const shares = (readers: number, stream: string) =>
    createSharedPool(initial, readers, isCron ? scenario.store : atOnce, random(stream));
  const everybody = isCron ? shares(scenario.isolates, "store") : undefined;
  const isolates = Array.from({ length: scenario.isolates }, (_, index) => {
    const own = everybody ?? shares(1, `store ${index}`);
    const isolate = createIsolate(index, pool, {
      random: random(`isolate ${index}`),
      now: clock.now,
      tell: ({ kind }) => kind === "ejected" && record.ejected(),
      pool: () => own.seenBy(everybody === undefined ? 0 : index, clock.now()),
    });
    return { isolate, own };
  });

  const known = everybody === undefined ? isolates.map(({ own }) => own) : [everybody];
  startChanges(scenario, ids, known, clock);
  startChecks();
  startClients();
  clock.run();
  return record.result();

  function startChecks(): void {
    const { healthCheck: check } = pool;
    if (check === false) return;
    const beginning = random("beginning of checks");
    const sweeping = (own: SharedPool, onPassed: Sweeping["onPassed"], stream: string): Sweeping => ({
      check,
      window: traits.window,
      backends,
      pool: own.latest,
      clock,
      random: random(stream),
      until: scenario.duration,
      publish: (health) => own.write(clock.now(), { health }),
      onPassed,
      onTurned: ({ id, health, isFirst }) => record.turned(id, health.status, isFirst),
    });
    if (everybody !== undefined) return startSweeps(0, sweeping(everybody, () => {}, "sweeps"));
    for (const { isolate: { index, balancer }, own } of isolates) {
      const onPassed: Sweeping["onPassed"] = (id, begunAt) =>
        check.type === "http" && balancer.checkPassed(id, begunAt);
      // Processes were not all started at the same moment.
      startSweeps(index === 0 ? 0 : beginning() * check.interval, sweeping(own, onPassed, `sweeps ${index}`));
    }
  }

  function startClients(): void {
    const { clients } = scenario;
    const [who, where, what, waits] = [random("clients"), random("isolates"), random("methods"), random("backoff")];
    const scopes = isolates.map(({ isolate }) => ({ config: pool, isolate, backends, clock, record }));
    startArrivals(clients, scenario.duration, clock, random("arrivals"), (answered) => {
      const client = Math.floor(who() * clients.count);
      const scope = scopes[Math.floor(where() * scopes.length)]!;
      const method = clients.postPercent > 0 && what() * 100 < clients.postPercent ? "POST" : "GET";
      sendRequest({ client, method }, scope, waits, (answer) => {
        record.answered(answer);
        answered();
      });
    });
  }
}

function createBackends(scenario: Scenario, random: (stream: string) => () => number): Map<string, SimulatedBackend> {
  const ids = scenario.backends.flatMap(namesOf);
  const phases = phasesOf(scenario, ids);
  const tells = scenario.runtime !== "workers";
  const all = scenario.backends.flatMap((group) =>
    namesOf(group).map((id) =>
      createBackend(id, group, createTimeline(phases.get(id)!), random(`backend ${id}`), tells)
    )
  );
  return new Map(all.map((backend) => [backend.id, backend]));
}

/** What people do to the pool, each time in all that know it. */
function startChanges(
  scenario: Scenario,
  ids: readonly string[],
  known: readonly SharedPool[],
  clock: VirtualClock,
): void {
  const set = (at: number, changed: readonly string[], state: PoolConfig["backends"][number]["state"]) =>
    clock.at(at, () => {
      for (const pool of known) {
        const backends = pool.latest().backends.map((one) => (changed.includes(one.id) ? { ...one, state } : one));
        pool.write(clock.now(), { backends });
      }
    });
  for (const { at, backends, state } of scenario.changes) set(at, backends, state);
  for (const { id, drainsAt, goesAt, returnsAt } of turnsOf(scenario, ids)) {
    if (goesAt === drainsAt) continue;
    set(drainsAt, [id], "drain");
    set(returnsAt, [id], "active");
  }
}
