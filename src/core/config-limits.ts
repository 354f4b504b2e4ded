import * as v from "valibot";
import { OutlierDetection, Retry } from "./config-resilience.ts";
import type { Path, Problem } from "./problems.ts";
import { duration, formatDuration } from "./units.ts";
import { valueAt } from "./validate.ts";

const ejections = v.parse(OutlierDetection, {});
const { backoff } = v.parse(Retry, {});

/** What two keys of a pool say about one another, in milliseconds and counts. */
export function* contradictoryLimits(raw: unknown, pool: Path): Generator<Problem> {
  yield* notLess(raw, [...pool, "outlierDetection"], ejections, "baseEjectionTime", "maxEjectionTime");
  yield* notLess(raw, [...pool, "retry", "backoff"], backoff, "base", "max");
  const breaker = [...pool, "circuitBreaker"];
  const pending = valueAt(raw, [...breaker, "maxPending"]);
  if (typeof pending === "number" && pending > 0 && !valueAt(raw, [...breaker, "maxRequests"])) {
    const expected = "nothing, because without maxRequests nobody waits";
    yield { path: [...breaker, "maxPending"], expected, found: String(pending) };
  }
}

/** Told of the longer one, also where only the other was written: it is what would be cut silently. */
function* notLess<Key extends string>(
  raw: unknown,
  at: Path,
  defaults: Readonly<Record<Key, number>>,
  shorter: Key,
  longer: Key,
): Generator<Problem> {
  const read = (key: Key) => durationOf(valueAt(raw, [...at, key]) ?? defaults[key]);
  const [least, most] = [read(shorter), read(longer)];
  if (least === undefined || most === undefined || least <= most) return;
  const isDefault = valueAt(raw, [...at, longer]) === undefined;
  const found = `${formatDuration(most)}${isDefault ? " by default" : ""}`;
  yield { path: [...at, longer], expected: `at least ${shorter}, ${formatDuration(least)}`, found };
}

/** `undefined`: it is none, which the schema tells. */
function durationOf(value: unknown): number | undefined {
  const { success, output } = v.safeParse(duration(0), value);
  return success ? output : undefined;
}
