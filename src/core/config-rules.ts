import { policyKeys } from "./config-policy.ts";
import { contradictoryLimits } from "./config-limits.ts";
import { namesIn, namesInOrder } from "./config-steering.ts";
import { policies } from "./policies/index.ts";
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
  yield* contradictoryListeners(raw);
  const pools = valueAt(raw, ["pools"]);
  const names = isPlainObject(pools) ? Object.keys(pools) : [];
  for (const name of names) {
    yield* checkedByTcp(raw, ["pools", name, "healthCheck"]);
    yield* halfOfAPair(raw, ["pools", name, "tls"]);
    yield* otherScheme(raw, ["pools", name]);
    yield* keysOfOtherPolicies(raw, ["pools", name, "policy"]);
    yield* unsignedCookie(raw, ["pools", name, "sessionAffinity"]);
    yield* policyBesideSessions(raw, ["pools", name]);
    yield* contradictoryLimits(raw, ["pools", name]);
  }
  yield* sharedCookies(raw, names);
  const routes = valueAt(raw, ["routes"]);
  if (routes === undefined && names.length > 1) {
    yield { path: ["routes"], expected: "routes, because there are several pools", found: "nothing" };
  }
  for (const index of Array.isArray(routes) ? routes.keys() : []) {
    const at = ["routes", index, "pool"];
    const pool = valueAt(raw, at);
    for (const [below, name] of namesIn(pool)) {
      const isUnknown = typeof name === "string" && names.length > 0 && !names.includes(name);
      if (isUnknown) yield unknownPool([...at, ...below], name, names);
    }
    yield* namedTwice(at, pool);
  }
}

/** In a failover it would be asked again when it is down, and of two shares only one would count. */
function* namedTwice(at: Path, pool: unknown): Generator<Problem> {
  const seen = new Set<unknown>();
  for (const [below, name] of namesInOrder(pool)) {
    if (typeof name === "string" && seen.has(name)) {
      yield { path: [...at, ...below], expected: "every pool once", found: show(name) };
    }
    seen.add(name);
  }
}

function* contradictoryListeners(raw: unknown): Generator<Problem> {
  const listen = valueAt(raw, ["listen"]);
  if (Array.isArray(listen) && listen.length === 0) {
    yield { path: ["listen"], expected: "at least one listener", found: "[]" };
  }
  const paths: readonly Path[] = Array.isArray(listen) ? listen.map((_, index) => ["listen", index]) : [["listen"]];
  const isSecure = (path: Path) => valueAt(raw, [...path, "tls"]) !== undefined;
  for (const path of paths) {
    const redirect = [...path, "redirect"];
    if (valueAt(raw, redirect) === undefined) continue;
    const found = show(valueAt(raw, redirect));
    if (isSecure(path)) yield { path: redirect, expected: "nothing, because who has tls has come by https", found };
    else if (!paths.some(isSecure)) {
      yield { path: redirect, expected: "nothing, because there is no listener with tls to send to", found };
    }
  }
}

/** A client certificate is of no use without its key. */
function* halfOfAPair(raw: unknown, path: Path): Generator<Problem> {
  const pair = ["cert", "key"].map((key) => [...path, key]);
  const [missing, ...more] = pair.filter((half) => valueAt(raw, half) === undefined);
  if (missing === undefined || more.length > 0) return;
  yield { path: missing, expected: "cert and key together", found: "nothing" };
}

function* keysOfOtherPolicies(raw: unknown, path: Path): Generator<Problem> {
  const policy = valueAt(raw, path);
  if (!isPlainObject(policy) || !Object.hasOwn(policies, String(policy["type"]))) return;
  for (const [key, type] of Object.entries(policyKeys)) {
    if (policy[key] === undefined || policy["type"] === type) continue;
    yield { path: [...path, key], expected: `nothing, because only ${type} has it`, found: show(policy[key]) };
  }
}

/** A cookie that anybody can write would let anybody choose a backend. */
function* unsignedCookie(raw: unknown, path: Path): Generator<Problem> {
  const affinity = valueAt(raw, path);
  if (!isPlainObject(affinity)) return;
  if (affinity["type"] === "cookie") {
    if (affinity["secret"] !== undefined) return;
    yield {
      path: [...path, "secret"],
      expected: "a text of at least 16 characters to sign the cookie with",
      found: "nothing",
    };
  } else if (typeof affinity["type"] === "string") {
    for (const key of ["cookie", "ttl", "secret"].filter((key) => affinity[key] !== undefined)) {
      const expected = "nothing, because there is no cookie";
      yield { path: [...path, key], expected, found: key === "secret" ? "a secret" : show(affinity[key]) };
    }
  }
}

/** Sessions without a cookie are placed by their hash: another policy would be accepted and ignored. */
function* policyBesideSessions(raw: unknown, pool: Path): Generator<Problem> {
  const type = valueAt(raw, [...pool, "sessionAffinity", "type"]);
  const policy = valueAt(raw, [...pool, "policy"]);
  if (policy === undefined || typeof type !== "string" || type === "cookie") return;
  const expected = `nothing, because sessions by ${type} are placed by their hash`;
  yield { path: [...pool, "policy"], expected, found: show(policy) };
}

/** Two pools with cookies of one name would take each other's sessions for forged, and replace them. */
function* sharedCookies(raw: unknown, names: readonly string[]): Generator<Problem> {
  const owners = new Map<unknown, string>();
  for (const name of names) {
    const path = ["pools", name, "sessionAffinity", "cookie"];
    if (valueAt(raw, ["pools", name, "sessionAffinity", "type"]) !== "cookie") continue;
    const cookie = valueAt(raw, path) ?? "roundabout";
    const owner = owners.get(cookie);
    if (owner === undefined) owners.set(cookie, name);
    else yield { path, expected: `a name of its own, because pool "${owner}" has this one`, found: show(cookie) };
  }
}

/** HTTP/2 with TLS and without are two protocols. */
function* otherScheme(raw: unknown, pool: Path): Generator<Problem> {
  const protocol = valueAt(raw, [...pool, "protocol"]);
  const fitting = protocol === "h2" ? /^(https:|.*\$\{)/i : protocol === "h2c" ? /^(http:|unix:|.*\$\{)/i : undefined;
  const backends = valueAt(raw, [...pool, "backends"]);
  if (fitting === undefined || !Array.isArray(backends)) return;
  for (const [index, backend] of backends.entries()) {
    const url: unknown = isPlainObject(backend) ? backend["url"] : backend;
    if (typeof url !== "string" || fitting.test(url)) continue;
    const path = [...pool, "backends", index, ...(isPlainObject(backend) ? ["url"] : [])];
    const expected = `a URL with ${protocol === "h2" ? "https" : "http"}, because the pool's protocol is ${protocol}`;
    yield { path, expected, found: show(url) };
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
  for (const { path: pattern, why, except, only } of cannot) {
    for (const path of matching(raw, pattern.split("."))) {
      const value = valueAt(raw, path);
      if (value === undefined || (except !== undefined && show(value) === show(except))) continue;
      if (only !== undefined && !(typeof value === "string" && only.test(value))) continue;
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
  const isList = Array.isArray(value);
  const keys = key !== "*" ? [isList ? Number(key) : key] : isList ? [...value.keys()] : Object.keys(value);
  for (const next of keys) yield* matching(raw, rest, [...above, next]);
}
