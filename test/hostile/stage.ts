import assert from "node:assert/strict";
import type { Stage, StagePlan } from "../conformance/case.ts";

/** Whatever host is asked for, "main" answers, but for what is meant for "inner"; nobody may ever ask the decoy. */
export const hostile: StagePlan<"main" | "inner" | "decoy"> = {
  backends: ["main", "inner", "decoy"],
  config: ({ main, inner }) => ({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: {
      web: { backends: [main], healthCheck: false },
      inner: { backends: [inner], healthCheck: false },
      impatient: { backends: [main], healthCheck: false, timeouts: { response: "1s", request: "2s" } },
    },
    routes: [
      { match: { host: "inner.test" }, pool: "inner" },
      { match: { path: "/inner/*" }, pool: "inner" },
      { match: { host: "impatient.test" }, pool: "impatient" },
      { match: { host: "small.test" }, pool: "web", bodyBytes: "1KiB" },
      { match: { host: "set.test" }, pool: "web", setResponseHeaders: { "x-set": "by the route" } },
      { pool: "web" },
    ],
  }),
};

export type HostileStage = Stage<"main" | "inner" | "decoy">;

/** What a balancer's log and its standard error had told of before: a fault is one case's alone. */
const known = new WeakMap<object, { readonly faults: number; readonly errors: number }>();

/** workerd's words for a CONNECT, which it answers itself. */
const lacksConnect = /^.*(?:a connect event|a connect\(\) function).*$/gm;

/** The balancer is itself, whatever came before: its process lives, the next client is served, and nothing failed unforeseen. */
export async function assertServes({ exchange, balancer }: HostileStage): Promise<void> {
  const { status, body } = await exchange({ target: "/after" });
  assert.deepEqual([status, body.toString()], [200, "main"], "the next client is served");
  const faults = balancer.logs().filter(({ level }) => level === "ERROR");
  const errors = balancer.process.errors();
  const before = known.get(balancer) ?? { faults: 0, errors: 0 };
  known.set(balancer, { faults: faults.length, errors: errors.length });
  assert.deepEqual(faults.slice(before.faults), [], "no fault of the balancer's own");
  assert.equal(errors.slice(before.errors).replace(lacksConnect, "").trim(), "", "nothing is complained of");
}
