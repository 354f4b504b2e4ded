import fc from "fast-check";
import type { Backend } from "../../src/core/pool.ts";
import type { Random } from "../../src/core/ports.ts";

/** A backend that can be picked, at a host of its own. */
export function backend(id: string, changes: Partial<Backend> = {}): Backend {
  return { id, url: `http://${id}.test`, weight: 1, priority: 0, maxRequests: 0, state: "active", ...changes };
}

/** Backends "a", "b", … of these weights. */
export function weighted(...weights: readonly number[]): readonly Backend[] {
  return weights.map((weight, index) => backend(nameOf(index), { weight }));
}

/** "a" to "z", then "b26" and on. */
export const nameOf = (index: number): string => (index < 26 ? String.fromCharCode(97 + index) : `b${index}`);

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A random source that fast-check chooses. */
export const randomSources: fc.Arbitrary<Random> = fc.integer().map(seededRandom);

/** At least one backend that can be picked, with any weights. */
export const candidateLists: fc.Arbitrary<readonly Backend[]> = fc
  .array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })
  .map((weights) => weighted(...weights));

/** Any backends under different ids, fit to be picked or not. */
export const backendLists: fc.Arbitrary<readonly Backend[]> = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 0, max: 5 }),
      priority: fc.integer({ min: 0, max: 3 }),
      state: fc.constantFrom("active" as const, "drain" as const, "maintenance" as const),
    }),
    { maxLength: 8 },
  )
  .map((list) => list.map((changes, index) => backend(nameOf(index), changes)));

/** Names of header fields, of those that mean something to a proxy and of others. */
export const fieldNames: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
    "host",
    "expect",
    "cookie",
    "accept",
  ),
  fc.stringMatching(/^x-[a-z0-9]{1,8}$/),
);

/** In any capitals. */
export const inAnyCapitals = (name: string): fc.Arbitrary<string> =>
  fc.infiniteStream(fc.boolean()).map((capitals) => {
    return [...name].map((letter) => (capitals.next().value ? letter.toUpperCase() : letter)).join("");
  });
