import { isPlainObject, nearest, type Path, type Problem, show } from "./problems.ts";
import type { Traits } from "./ports.ts";
import { valueAt } from "./validate.ts";

const httpOnly = ["path", "method", "headers", "expectedStatuses", "expectedBody"];

/**
 * What no key can tell alone, read from the configuration as it was written.
 *
 * Not part of the schema, so that it is told together with what the schema finds, and not one start later.
 */
export function* contradictions(raw: unknown): Generator<Problem> {
  const pools = valueAt(raw, ["pools"]);
  const names = isPlainObject(pools) ? Object.keys(pools) : [];
  for (const name of names) yield* checkedByTcp(raw, ["pools", name, "healthCheck"]);
  const routes = valueAt(raw, ["routes"]);
  if (routes === undefined && names.length > 1) {
    yield { path: ["routes"], expected: "routes, because there are several pools", found: "nothing" };
  }
  for (const index of Array.isArray(routes) ? routes.keys() : []) {
    const path = ["routes", index, "pool"];
    const pool = valueAt(raw, path);
    if (typeof pool === "string" && names.length > 0 && !names.includes(pool)) yield unknownPool(path, pool, names);
  }
}

function* checkedByTcp(raw: unknown, path: Path): Generator<Problem> {
  const check = valueAt(raw, path);
  if (!isPlainObject(check)) return;
  if (check["type"] === "http" || (check["type"] === undefined && check["path"] !== undefined)) return;
  for (const key of httpOnly.filter((key) => check[key] !== undefined)) {
    yield {
      path: [...path, key],
      expected: "nothing, because a tcp check only connects",
      found: show(check[key]),
      hint: 'an http check has a "path" or "type": "http"',
    };
  }
}

function unknownPool(path: Path, pool: string, names: readonly string[]): Problem {
  const meant = nearest(pool, names);
  const hint = meant === undefined ? `there are: ${names.join(", ")}` : `did you mean "${meant}"?`;
  return { path, expected: "the name of a pool", found: show(pool), hint };
}

/** Options that were set and that a runtime cannot keep. */
export function* notKeptBy({ name, cannot }: Pick<Traits, "name" | "cannot">, raw: unknown): Generator<Problem> {
  for (const { path: pattern, why, except } of cannot) {
    for (const path of matching(raw, pattern.split("."))) {
      const value = valueAt(raw, path);
      if (value === undefined || (except !== undefined && show(value) === show(except))) continue;
      const expected = `${except === undefined ? "nothing" : show(except)} on ${name}`;
      yield { path, expected, found: show(value), hint: why };
    }
  }
}

/** The places that a pattern means; `*` is any key and any position of a list. */
function* matching(raw: unknown, [key, ...rest]: readonly string[], above: Path = []): Generator<Path> {
  if (key === undefined) return yield above;
  const value = valueAt(raw, above);
  if (typeof value !== "object" || value === null) return;
  const keys = key !== "*" ? [key] : Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  for (const next of keys) yield* matching(raw, rest, [...above, next]);
}
