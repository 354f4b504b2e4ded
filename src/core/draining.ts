import type { Backend } from "./pool.ts";

/** Backends that are to be emptied: they keep their sessions for a while, and get no new ones. */
export interface Draining {
  /** Which there are now; who drains already goes on. */
  follow(backends: readonly Backend[], now: number): void;
  /** What was seen under an id says nothing about another backend that has it now. */
  forget(id: string): void;
  keepsSessions(id: string, now: number): boolean;
  /** Says once of each that it is empty: it keeps no session any more, and nothing is in flight there. */
  look(now: () => number): void;
}

/** @param forMs how long sessions are kept, counted from when draining was first seen here */
export function createDraining(
  forMs: number,
  inFlight: (id: string) => number,
  tell: (event: { readonly kind: "drained"; readonly id: string }) => void,
): Draining {
  const since = new Map<string, number>();
  const notEmpty = new Set<string>();

  function keepsSessions(id: string, now: number): boolean {
    const began = since.get(id);
    if (began === undefined) return false;
    if (now < began) since.set(id, now); // the clock was put back
    return now - began < forMs;
  }

  function forget(id: string): void {
    since.delete(id);
    notEmpty.delete(id);
  }

  return {
    follow(backends, now) {
      for (const backend of backends) {
        const { id } = backend;
        if (!isDraining(backend)) forget(id);
        else if (!since.has(id)) {
          since.set(id, now);
          notEmpty.add(id);
        }
      }
    },
    forget,
    keepsSessions,
    look(now) {
      for (const id of notEmpty) {
        if (inFlight(id) > 0 || keepsSessions(id, now())) continue;
        notEmpty.delete(id);
        tell({ kind: "drained", id });
      }
    },
  };
}

/** `drain`, and an active backend without a weight. */
const isDraining = ({ state, weight }: Backend) => state === "drain" || (state === "active" && weight === 0);
