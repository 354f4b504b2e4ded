import type { Options } from "./options.ts";
import { peers } from "./peers/index.ts";
import type { Peer } from "./peers/peer.ts";
import type { Effort } from "./rounds.ts";
import { scenarios } from "./scenarios/index.ts";
import type { Scenario } from "./scenarios/scenario.ts";

/** A scenario and who takes part in it. */
export interface Part {
  readonly scenario: Scenario;
  readonly peers: readonly Peer[];
}

/** What is to be run. */
export function partsOf(options: Options): readonly Part[] {
  const { only, scenarios: ids } = options;
  return scenarios
    .filter(({ id }) => ids?.includes(id) ?? true)
    .map((scenario) => ({
      scenario,
      peers: peers.filter(({ name, isOnlyWhereNamed }) =>
        (only?.includes(name) ?? true) &&
        (scenario.peers?.includes(name) ?? !isOnlyWhereNamed)
      ),
    }))
    .map((
      part,
    ) => (options.isQuick && ids === undefined && only === undefined ? quick(part) : part));
}

const quickPeers = new Set(["node", "nginx", "direct"]);

/** Everybody in the first scenario, and in the others one of ours and one of theirs, at the largest size. */
function quick({ scenario, peers }: Part): Part {
  if (scenario === scenarios[0]) return { scenario, peers };
  return {
    scenario: { ...scenario, cases: scenario.cases.slice(-1) },
    peers: peers.filter(({ name }) => quickPeers.has(name)),
  };
}

/** For a process to start, to be looked at and to end, and for a load to begin. */
const startSeconds = 0.4;
const loadSeconds = 0.1;

export function estimateSeconds(
  parts: readonly Part[],
  { rounds, seconds, warmUpSeconds }: Effort,
): number {
  const runs = parts.reduce(
    (sum, { scenario, peers }) => sum + scenario.cases.length * peers.length,
    0,
  );
  return runs *
    (startSeconds + warmUpSeconds + rounds * (seconds + loadSeconds));
}
