import { first } from "./first.ts";
import { hash } from "./hash.ts";
import { leastConnections } from "./least-connections.ts";
import { p2c } from "./p2c.ts";
import { peakEwma } from "./peak-ewma.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";

/** Every policy by its name in the configuration. */
export const policies = {
  "round-robin": roundRobin,
  "least-connections": leastConnections,
  p2c,
  random,
  "peak-ewma": peakEwma,
  hash,
  first,
} as const;
