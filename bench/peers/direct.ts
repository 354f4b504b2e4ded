import type { Peer } from "./peer.ts";

/** No proxy at all: what is left of a latency without one. */
export const direct: Peer = {
  name: "direct",
  title: "no proxy",
  isOurs: false,
  isOnlyWhereNamed: true,
  version: async () => "straight to a backend",
  lacks: () => undefined,
  start: () => undefined,
};
