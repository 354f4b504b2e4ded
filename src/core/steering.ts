import type { Steering } from "./config-steering.ts";
import { hashOf, lotOf, score } from "./rendezvous.ts";

/** What of a request decides between pools. */
export interface Steered {
  /** The client, as long as it is the same one. */
  client(): string;
  /** Its place, as the platform or a trusted proxy says: a code such as "DE". */
  place(by: "country" | "continent" | "colo", header: string | undefined): string | undefined;
}

/** Whether a pool has enough eligible backends, or any. */
export interface PoolStates {
  isUp(name: string): boolean;
  hasAny(name: string): boolean;
}

/** Which pool a request goes to. */
export interface Chooser {
  /** Every pool that may be chosen. */
  readonly names: readonly string[];
  choose(asked: Steered): string;
}

/**
 * Chooses the pool: of those that a route names for a request, in order, the first that is up.
 *
 * Where none is up, the first with anybody at all, and then the first, which says 503.
 */
export function createSteering(steering: Steering, { isUp, hasAny }: PoolStates): Chooser {
  const names = namesOf(steering);
  const [only] = names;
  if (names.length === 1) return { names, choose: () => only! };
  const order = orderOf(steering);
  return {
    names,
    choose(asked) {
      const ordered = order(asked);
      return ordered.find(isUp) ?? ordered.find(hasAny) ?? ordered[0]!;
    },
  };
}

function namesOf(steering: Steering): readonly string[] {
  switch (steering.kind) {
    case "failover":
      return [...new Set(steering.pools)];
    case "split":
      return [...new Set(steering.shares.map(({ pool }) => pool))];
    case "place":
      return [...new Set([...Object.values(steering.pools).flat(), ...steering.fallback])];
  }
}

function orderOf(steering: Steering): (asked: Steered) => readonly string[] {
  switch (steering.kind) {
    case "failover":
      return () => steering.pools;
    case "split":
      return bySplit(steering.shares);
    case "place": {
      const { by, header, fallback } = steering;
      const places = new Map(Object.entries(steering.pools).map(([code, pools]) => [code.toUpperCase(), pools]));
      return ({ place }) => [...(places.get(place(by, header)?.trim().toUpperCase() ?? "") ?? []), ...fallback];
    }
  }
}

/** By weighted rendezvous: a client stays where it is, and who changes pools when one is down or its weight changes are as few as can be. */
function bySplit(shares: readonly { readonly pool: string; readonly weight: number }[]) {
  const places = shares.filter(({ weight }) => weight > 0).map(({ pool, weight }) =>
    [pool, hashOf(pool), weight] as const
  );
  return ({ client }: Steered) => {
    const key = hashOf(client());
    const scored = places.map(([pool, place, weight]) => [pool, score(lotOf(key, place), weight)] as const);
    return scored.sort(([, one], [, other]) => other - one).map(([pool]) => pool);
  };
}
