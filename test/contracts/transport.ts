import { describe, it } from "node:test";
import type { Transport } from "../../src/core/ports.ts";
import { within } from "../support/wait.ts";
import { abortCases } from "./transport/aborts.ts";
import { answerBodyCases } from "./transport/answer-bodies.ts";
import { answerCases } from "./transport/answers.ts";
import { brokenCases } from "./transport/broken.ts";
import type { TransportTraits } from "./transport/case.ts";
import { connectionCases } from "./transport/connections.ts";
import { clean, type Cleaning, createContext } from "./transport/context.ts";
import { deadlineCases } from "./transport/deadlines.ts";
import { failureCases } from "./transport/failures.ts";
import { requestBodyCases } from "./transport/request-bodies.ts";
import { requestHeadCases } from "./transport/request-heads.ts";
import { streamCases } from "./transport/streams.ts";

const cases = [
  ...requestHeadCases,
  ...requestBodyCases,
  ...answerCases,
  ...answerBodyCases,
  ...streamCases,
  ...brokenCases,
  ...failureCases,
  ...deadlineCases,
  ...abortCases,
  ...connectionCases,
];

/** What every Transport promises, seen from a backend that records and sends exact bytes; each case has a transport of its own. */
export function transportContract(name: string, create: () => Transport, traits: TransportTraits): void {
  for (const gap of Object.keys(traits.gaps)) {
    if (!cases.some((one) => one.name === gap)) throw new Error(`no case is called ${JSON.stringify(gap)}`);
  }
  describe(`${name} keeps the contract of transports`, () => {
    for (const { name, timeoutMs = 10_000, run } of cases) {
      it(name, { skip: traits.gaps[name] ?? false, timeout: timeoutMs + 5000 }, async () => {
        const cleaning: Cleaning = [];
        try {
          await within(timeoutMs, "the case's end", run(createContext(create(), traits, cleaning)));
        } catch (failure) {
          await clean(cleaning).catch(() => {}); // what the case itself met says more
          throw failure;
        }
        await clean(cleaning);
      });
    }
  });
}
