import * as v from "valibot";
import * as values from "./config-values.ts";
import { isPlainObject } from "./problems.ts";
import { number } from "./units.ts";
import { option, section } from "./validate.ts";

const name = () => v.string("the name of a pool");

const Share = section({
  pool: v.pipe(name(), v.description("Where this share goes.")),
  weight: option(number(0, 1000), 1, "Its share beside the others."),
}, "the name of a pool, or an object with it and a weight");

const isName = (one: unknown) => typeof one === "string";

/** Names are a failover, objects are shares. One list and not two, so that a problem is told of what was meant. */
const Listed = v.pipe(
  v.array(v.union([name(), Share], "the name of a pool, or an object with it and a weight"), "a list of pools"),
  v.minLength(1, "at least one pool"),
  v.check((list) => list.every(isName) || !list.some(isName), "only names, or only objects with a weight"),
  v.check(
    (list) => list.length === 0 || list.some((one) => typeof one === "string" || one.weight !== 0),
    "at least one pool with a weight",
  ),
  v.transform((list) => {
    const pools = list.filter((one) => typeof one === "string");
    const shares = list.filter((one) => typeof one !== "string");
    return pools.length > 0 ? { kind: "failover" as const, pools } : { kind: "split" as const, shares };
  }),
);

const fewPools = v.union([
  v.pipe(name(), v.transform((pool) => [pool])),
  v.pipe(v.array(name(), "a list of pools"), v.minLength(1, "at least one pool")),
], "the name of a pool or a list of names");

const Place = v.pipe(
  section({
    by: v.pipe(values.oneOf(["country", "continent", "colo"]), v.description("What of the client's place decides.")),
    pools: v.pipe(
      v.record(v.string(), fewPools, "an object of pools by place"),
      v.minEntries(1, "at least one place"),
      v.description('By its code, such as "DE", "EU" or "FRA": a pool, or several in the order of failover.'),
    ),
    fallback: v.pipe(fewPools, v.description("For every other place, and where those of a place are down.")),
    header: option(
      values.text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "the name of a header field"),
      undefined,
      "Where a trusted proxy says the place; on Workers the platform does.",
    ),
  }),
  v.transform((place) => ({ kind: "place" as const, ...place })),
);

/** Where a route's requests go: a pool, several in the order of failover, shares, or by the client's place. */
export const Steering = v.pipe(
  v.union(
    [v.pipe(name(), v.transform((pool) => ({ kind: "failover" as const, pools: [pool] }))), Listed, Place],
    "the name of a pool, a list of them, or an object",
  ),
  v.description("Where matching requests go: a pool, a list in the order of failover, shares by weight, or by place."),
);

export type Steering = v.InferOutput<typeof Steering>;

/** A name that stands somewhere, and where. */
type Named = readonly [path: readonly (string | number)[], name: unknown];

/** The pools of a list, which are in it once each: a second time would change nothing. */
export function namesInOrder(raw: unknown): readonly Named[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((one: unknown, index) => isPlainObject(one) ? [[index, "pool"], one["pool"]] : [[index], one]);
}

/** Every pool that may be reached, with where it is named; read from the configuration as it was written. */
export function namesIn(raw: unknown): readonly Named[] {
  if (!isPlainObject(raw)) return nameOrNames(raw);
  const { pools, fallback } = raw;
  const places = isPlainObject(pools) ? Object.entries(pools) : [];
  return [...places.flatMap(([place, few]) => below(["pools", place], few)), ...below(["fallback"], fallback)];
}

const nameOrNames = (raw: unknown): readonly Named[] => typeof raw === "string" ? [[[], raw]] : namesInOrder(raw);

const below = (at: readonly string[], few: unknown): readonly Named[] =>
  nameOrNames(few).map(([path, name]) => [[...at, ...path], name]);
