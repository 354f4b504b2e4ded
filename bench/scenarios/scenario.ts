import type { Load } from "../load/load.ts";
import type { Route } from "../peers/peer.ts";

/** One kind of load, over one setting of the proxies or several. */
export interface Scenario {
  /** As it is written after --scenarios. */
  readonly id: string;
  readonly title: string;
  /** What is counted, in the singular: "request". */
  readonly unit: string;
  readonly cases: readonly Case[];
  /** Names; absent: all. */
  readonly peers?: readonly string[];
  /** The cases are sizes of the same, from small to large: what counts is how the cost grows. */
  readonly grows?: boolean;
}

export interface Case {
  /** Empty where the scenario has one case only. */
  readonly label: string;
  readonly load: Load;
  /** What warms the proxies up, where the load itself is too small for that. */
  readonly warmUp?: Load;
  readonly tls?: boolean;
  readonly routes?: readonly Route[];
  /** How many; three, if absent. */
  readonly backends?: number;
}
