import { caddy } from "./caddy.ts";
import { direct } from "./direct.ts";
import { floors } from "./floors.ts";
import { go } from "./go.ts";
import { haproxy } from "./haproxy.ts";
import { libraries } from "./libraries.ts";
import { nginx } from "./nginx.ts";
import { passThrough } from "./pass-through.ts";
import type { Peer } from "./peer.ts";
import { roundabout } from "./roundabout.ts";

/** In the order of the tables. */
export const peers: readonly Peer[] = [
  ...roundabout,
  nginx,
  haproxy,
  caddy,
  ...go,
  ...libraries,
  passThrough,
  ...floors,
  direct,
];

/** What everything is compared with. */
export const reference = nginx.name;
