import type { PolicyFactory } from "../policy.ts";

/** The first candidate in the order of the configuration: the others are used when it is out, or at its `maxRequests`. */
export const first: PolicyFactory<unknown> = () => (candidates) => candidates[0];
