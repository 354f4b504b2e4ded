import { parseConfig, type PoolConfig } from "../core/config.ts";
import { ConfigError, formatPath, isPlainObject, nearest, type Path, type Problem, show } from "../core/problems.ts";
import type { Traits } from "../core/ports.ts";
import { formatDuration } from "../core/units.ts";
import { validate, valueAt } from "../core/validate.ts";
import { Comparison, type runtimes, Scenario } from "./schema.ts";

/** One run, complete: what happens, and the pool's settings with all defaults. */
export interface Plan {
  readonly name: string;
  readonly scenario: Scenario;
  readonly pool: PoolConfig;
  readonly traits: Traits;
}

/** Runs that are shown side by side. */
export interface Study {
  readonly title: string;
  readonly columns: Comparison["columns"];
  readonly plans: readonly Plan[];
  /** Ids of those whose share is shown. */
  readonly followed: readonly string[];
}

export type TraitsByName = Readonly<Record<(typeof runtimes)[number], Traits>>;

/** Keys of a pool that change what is simulated; the others are about what is not there: connections, sessions. */
const played = [
  "policy",
  "healthCheck",
  "outlierDetection",
  "retry",
  "timeouts",
  "slowStart",
  "drain",
  "hedging",
  "panicThreshold",
];

/** Checks a scenario and completes it.
 * @throws {ConfigError} with every problem */
export function planStudy(raw: unknown, traits: TraitsByName): Study {
  const { value, problems } = validate(Comparison, raw);
  if (problems.length > 0) throw new ConfigError(problems);
  const { variants, columns, follow, title } = value;
  const { variants: _, columns: __, follow: ___, ...base } = raw as Record<string, unknown>;
  const plans = variants === undefined
    ? [planOne("", base, traits, (path) => path)]
    : Object.entries(variants).map(([name, variant]) => {
      const isOwn = (path: Path) => path[0] !== undefined && path[0] in variant;
      return planOne(name, merge(base, variant), traits, (path) => isOwn(path) ? ["variants", name, ...path] : path);
    });
  // One that only a variant has is followed there.
  const ids = new Set(plans.flatMap(({ scenario }) => [...idsOf(scenario)]));
  const unknown = [...unknownIds(raw, ["follow"], ids)];
  if (unknown.length > 0) throw new ConfigError(unknown);
  const { outages, slowDowns } = value;
  const followed = follow ?? outages[0]?.backends ?? slowDowns[0]?.backends ?? [];
  return { title, columns, plans, followed };
}

/** What a variant says goes over the rest, key by key in `pool`, `clients` and `store` too. */
function merge(base: Readonly<Record<string, unknown>>, variant: Readonly<Record<string, unknown>>): unknown {
  const entries = Object.entries(variant).map(([key, value]) => {
    const before = base[key];
    return [key, isPlainObject(before) && isPlainObject(value) ? { ...before, ...value } : value];
  });
  return { ...base, ...Object.fromEntries(entries) };
}

function planOne(name: string, raw: unknown, traitsOf: TraitsByName, pathOf: (path: Path) => Path): Plan {
  const { value: scenario, problems } = validate(Scenario, raw);
  const found = problems.length > 0 ? problems : [
    ...unknownBackends(raw, idsOf(scenario)),
    ...impossibleTimes(raw, scenario, formatPath(pathOf(["duration"]))),
    ...notPlayed(raw),
  ];
  if (found.length > 0) throw new ConfigError(found.map((problem) => ({ ...problem, path: pathOf(problem.path) })));
  const traits = traitsOf[scenario.runtime];
  try {
    const backends = backendsOf(scenario);
    const config = parseConfig({ pools: { web: { ...scenario.pool, backends } } }, traits);
    return { name, scenario, pool: config.pools["web"]!, traits };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      error.problems.map((problem) => ({ ...problem, path: pathOf(placeInScenario(problem.path)) })),
      { cause: error },
    );
  }
}

const placeInScenario = ([, , key, ...rest]: Path): Path =>
  key === "backends" ? ["backends"] : ["pool", ...(key === undefined ? [] : [key]), ...rest];

/** The backends as a configuration has them. */
function backendsOf({ backends }: Scenario): object[] {
  return backends.flatMap((group) => {
    const { weight, priority, maxRequests } = group;
    const said = Object.entries({ weight, priority, maxRequests }).filter(([, value]) => value !== undefined);
    return namesOf(group).map((id) => ({ id, url: `http://${id}`, ...Object.fromEntries(said) }));
  });
}

/** The ids of a group of backends. */
export function namesOf({ name, count }: Scenario["backends"][number]): string[] {
  return count === undefined ? [name] : Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
}

const idsOf = ({ backends }: Scenario): ReadonlySet<string> => new Set(backends.flatMap(namesOf));

function* unknownBackends(raw: unknown, ids: ReadonlySet<string>): Generator<Problem> {
  for (const key of ["outages", "slowDowns", "changes"]) {
    const list = valueAt(raw, [key]);
    for (const index of Array.isArray(list) ? list.keys() : []) yield* unknownIds(raw, [key, index, "backends"], ids);
  }
}

function* unknownIds(raw: unknown, path: Path, ids: ReadonlySet<string>): Generator<Problem> {
  const named = (valueAt(raw, path) ?? []) as readonly string[];
  for (const [place, id] of named.entries()) {
    if (ids.has(id)) continue;
    const meant = nearest(id, [...ids].slice(0, 100));
    const hint = meant === undefined ? {} : { hint: `did you mean "${meant}"?` };
    yield { path: [...path, place], expected: "the id of a backend", found: show(id), ...hint };
  }
}

/** When something happens that has a beginning, and an end perhaps. */
type Event = Partial<Record<"at" | "from" | "to", number | undefined>>;

/**
 * What would never happen, or end before it begins.
 *
 * @param durationPath where the duration is written, which a variant may have of its own
 */
function* impossibleTimes(raw: unknown, scenario: Scenario, durationPath: string): Generator<Problem> {
  const { duration, outages, slowDowns, changes, deploys, clients: { rate }, store: { delay } } = scenario;
  const told = (path: Path, expected: string) => ({ path, expected, found: show(valueAt(raw, path)) });
  const lists: Readonly<Record<string, readonly Event[]>> = { outages, slowDowns, changes, deploys };
  for (const [key, events] of Object.entries(lists)) {
    for (const [index, { at, from = at!, to }] of events.entries()) {
      const begins = at === undefined ? "from" : "at";
      if (from >= duration) {
        const expected = `a time before ${durationPath}, which is ${formatDuration(duration)}`;
        yield told([key, index, begins], expected);
      }
      if (to !== undefined && to <= from) {
        yield told([key, index, "to"], `a time after "from", which is ${formatDuration(from)}`);
      }
    }
  }
  let before = 0;
  for (const [index, { at }] of Array.isArray(rate) ? rate.entries() : []) {
    // At the same time as the one before it is a jump.
    if (at < before) {
      yield told(["clients", "rate", index, "at"], `${formatDuration(before)} or later, in the order of time`);
    }
    before = at;
  }
  if (delay.max < delay.min) {
    yield told(["store", "delay", "max"], `a duration from "min" on, which is ${formatDuration(delay.min)}`);
  }
}

function* notPlayed(raw: unknown): Generator<Problem> {
  const pool = valueAt(raw, ["pool"]);
  if (!isPlainObject(pool)) return;
  for (const [key, value] of Object.entries(pool)) {
    if (played.includes(key)) continue;
    const meant = nearest(key, played);
    const hint = meant === undefined ? `known here: ${played.join(", ")}` : `did you mean "${meant}"?`;
    yield { path: ["pool", key], expected: "a setting that can be simulated", found: show(value), hint };
  }
}
