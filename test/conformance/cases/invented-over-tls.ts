import assert from "node:assert/strict";
import type { CaseContext, ConformanceCase, StagePlan } from "../case.ts";
import type { RuntimeName } from "../runtimes.ts";
import { secured, secureListen, withTls } from "../secured.ts";
import { bodyCases } from "./bodies.ts";
import { connectionCases } from "./connections.ts";
import { fidelityCases } from "./fidelity.ts";
import { interimCases } from "./interim.ts";
import { targetCases } from "./targets.ts";

/** Kept by plan, as the stages are: cases that share a plan share a balancer behind TLS too. */
const securedPlans = new WeakMap<object, object>();

function withSecureListener<Name extends string>(plan: StagePlan<Name>): StagePlan<Name> {
  const known = securedPlans.get(plan) as StagePlan<Name> | undefined;
  if (known !== undefined) return known;
  const made: StagePlan<Name> = {
    ...plan,
    config: (urls, runtime) => ({ ...plan.config(urls, runtime), listen: secureListen }),
  };
  securedPlans.set(plan, made);
  return made;
}

/** The same, but that stages listen with TLS and every client speaks HTTP/1.1 with it. */
const secureContext = (context: CaseContext): CaseContext => ({
  ...context,
  connect: (port, options) => context.connect(port, { servername: "localhost", ...options }),
  async stage(plan) {
    const stage = await context.stage(withSecureListener(plan));
    return {
      ...stage,
      connect: (options) => stage.connect({ servername: "localhost", ...options }),
      exchange: (options) => stage.exchange({ servername: "localhost", ...options }),
    };
  },
});

/** A case asked again of a listener with TLS, which on Bun is another server than the plain one. */
export function overTls(one: ConformanceCase, gaps: Partial<Record<RuntimeName, string>> = {}): ConformanceCase {
  return {
    ...one,
    name: `${one.name}, with TLS`,
    only: withTls,
    gaps,
    run: (context) => one.run(secureContext(context)),
  };
}

/** What Bun's listener with TLS cannot either, by case. */
const stillGaps: Readonly<Record<string, string>> = {
  "targets: bytes beyond ASCII arrive byte for byte where they are UTF-8": "our server refuses them with 400",
};

const gapsOfBun = [...targetCases, ...fidelityCases, ...bodyCases, ...interimCases, ...connectionCases]
  .filter(({ gaps }) => gaps?.bun !== undefined);

/** What Bun.serve cannot, asked of the listeners with TLS; Node's and Deno's are the same servers as without. */
export const overTlsCases: readonly ConformanceCase[] = [
  ...gapsOfBun.map((one) => {
    const { bun: _, workers: __, ...others } = one.gaps ?? {};
    const still = stillGaps[one.name];
    return overTls(one, still === undefined ? others : { ...others, bun: still });
  }),
  {
    name: "targets: a Host with a colon and no port is served, with TLS",
    only: withTls,
    async run(context) {
      const { exchange } = await context.stage(secured);
      const { status, body } = await exchange({ servername: "localhost", host: "balancer.test:" });
      assert.deepEqual([status, body.toString()], [200, "main"]);
    },
  },
];
