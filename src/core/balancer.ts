import type { Candidates, PickContext, Policy } from "./policy.ts";
import type { Backend } from "./pool.ts";

/** A choice and the way to end it. `done` counts once; later calls do nothing. */
export interface Pick {
  readonly backend: Backend;
  done(): void;
}

export interface Balancer {
  /** One of `eligible` that is not in `tried`; `undefined` when none is left. */
  pick(eligible: readonly Backend[], tried?: ReadonlySet<string>): Pick | undefined;
  /** Requests picked and not done, of one backend or of all. */
  inFlight(id?: string): number;
}

/** Binds a policy to the counts of what is in flight. */
export function createBalancer(createPolicy: () => Policy, context: PickContext): Balancer {
  const policy = createPolicy();
  // Further tries have a rotation of their own: in the main one they would take the turns beside a dead backend,
  // always from the same neighbour.
  const retryPolicy = createPolicy();
  const counts = new Map<string, number>();
  let all = 0;

  const count = (id: string, by: 1 | -1) => {
    counts.set(id, (counts.get(id) ?? 0) + by);
    all += by;
  };

  return {
    pick(eligible, tried) {
      const again = tried !== undefined && tried.size > 0;
      const candidates = again ? eligible.filter((backend) => !tried.has(backend.id)) : eligible;
      if (!hasCandidates(candidates)) return undefined;
      const backend = (again ? retryPolicy : policy)(candidates, context);
      count(backend.id, 1);
      let ended = false;
      return {
        backend,
        done() {
          if (ended) return;
          ended = true;
          count(backend.id, -1);
        },
      };
    },
    inFlight: (id) => (id === undefined ? all : (counts.get(id) ?? 0)),
  };
}

function hasCandidates(backends: readonly Backend[]): backends is Candidates {
  return backends.length > 0;
}
