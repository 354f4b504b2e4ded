import type { HttpLoad } from "../load/load.ts";
import type { Route } from "../peers/peer.ts";
import { get } from "./requests.ts";
import type { Case, Scenario } from "./scenario.ts";

/** What many backends and many routes cost; the route that matches is the last. */

const peers = ["node", "bun", "deno", "workerd", "nginx"];
const host = (index: number) => `host-${index}.bench.test`;
const path = (index: number) => `/path-${index}/`;

export const growth: readonly Scenario[] = [
  scenario(
    "BACKENDS",
    "S1 over many backends",
    [1, 10, 100, 1000],
    "backend",
    (count) => ({
      load: get,
      backends: count,
    }),
  ),
  scenario(
    "HOSTS",
    "S1 over many routes by host",
    [1, 100, 1000],
    "route",
    (count) => ({
      load: { ...get, headers: { Host: host(count - 1) } } satisfies HttpLoad,
      routes: Array.from(
        { length: count },
        (_, index): Route => ({ host: host(index) }),
      ),
    }),
  ),
  scenario(
    "PATHS",
    "S1 over many routes by path",
    [1, 100, 1000],
    "route",
    (count) => ({
      load: { ...get, path: `${path(count - 1)}x` } satisfies HttpLoad,
      routes: Array.from(
        { length: count },
        (_, index): Route => ({ path: path(index) }),
      ),
    }),
  ),
];

function scenario(
  id: string,
  title: string,
  sizes: readonly number[],
  what: string,
  of: (count: number) => Omit<Case, "label">,
): Scenario {
  const label = (count: number) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  return {
    id,
    title,
    unit: "request",
    grows: true,
    peers,
    cases: sizes.map((count) => ({ label: label(count), ...of(count) })),
  };
}
