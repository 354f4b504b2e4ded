import assert from "node:assert/strict";
import type { CaseContext, ConformanceCase, StagePlan } from "../case.ts";
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

/** A case asked again of a listener with TLS, by a client of HTTP/1.1. */
export const overTls = (one: ConformanceCase): ConformanceCase => ({
  ...one,
  name: `${one.name}, with TLS`,
  only: withTls,
  gaps: {},
  run: (context) => one.run(secureContext(context)),
});

/** What is asked again of a listener with TLS: whatever a socket of another kind could change. */
const asked: ReadonlySet<string> = new Set([
  "targets: marks that no URL may hold (quotes, ^, <, >, {, }, a backtick) arrive byte for byte",
  "targets: bytes beyond ASCII arrive byte for byte where they are UTF-8",
  "targets: bytes that are not UTF-8 are refused or arrive byte for byte",
  "targets: one of more than 16 KiB is a 414",
  "fidelity: fields of a request keep their order and their spelling, and repeated ones their lines",
  "fidelity: fields of an answer keep their order and their spelling, and repeated ones their lines",
  "fidelity: a status's reason passes as it is",
  "fidelity: an answer without a Content-Type keeps its length",
  "bodies: a streamed body keeps its length",
  "bodies: the head is relayed before the body begins",
  "interim: a 103 is passed on before the answer, with its fields",
  "interim: trailers of an answer reach the client that asked for them",
  "interim: trailers of a request reach the backend",
  "interim: a chunked request with trailers arrives whole, and is followed by the next",
  "interim: a client that is refused is not asked for its body first",
  "connections: an HTTP/1.0 client that asks for keep-alive is told that it has it, and uses it",
  "connections: pipelined requests are answered in their order, or the connection is closed with a word",
  "connections: a pipelined request reaches no backend before an unsafe one in front of it is answered",
  "connections: a request that waits behind a slow one is answered after it",
]);

export const overTlsCases: readonly ConformanceCase[] = [
  ...[...targetCases, ...fidelityCases, ...bodyCases, ...interimCases, ...connectionCases]
    .filter(({ name }) => asked.has(name))
    .map(overTls),
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
