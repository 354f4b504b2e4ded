import assert from "node:assert/strict";
import type { Arrival } from "../../support/raw-backend.ts";
import type { RawClient, RawHead } from "../../support/raw-client.ts";
import type { CaseContext } from "../case.ts";
import { plain } from "../stages.ts";

/** What came of hostile bytes: the heads of all answers until the server had no more to say, and what the backends saw. */
export interface Outcome {
  readonly answers: readonly RawHead[];
  readonly arrivals: readonly Arrival[];
}

/** Reads answers until one refuses, the connection ends, or there were more than were asked for. */
async function answersOf(client: RawClient): Promise<RawHead[]> {
  const answers: RawHead[] = [];
  while (answers.length < 2) {
    const next = await client.response().catch(() => undefined);
    if (next === undefined) break;
    answers.push(next);
    if (next.status >= 400) break;
  }
  return answers;
}

/** Sends one request and whatever it smuggles; it must say `Connection: close`, so that its end is seen. The balancer must be itself
 * afterwards, and nobody else may have been asked. */
export async function attack(context: CaseContext, bytes: (decoy: number) => string | Buffer): Promise<Outcome> {
  const decoy = await context.backend("decoy");
  const { connect, exchange, backends } = await context.stage(plain);
  const client = await connect();
  await client.send(bytes(decoy.port));
  const answers = await answersOf(client);
  client.leave();
  assert.ok(answers.length <= 1, `one request, ${answers.length} answers`);
  const { body } = await exchange({ target: "/after" });
  assert.equal(body.toString(), "main", "the next client is served");
  assert.equal(decoy.connections(), 0, "nobody but the configured backends is contacted");
  // Looked at only now: the beginning of a request may reach a backend after its end was refused.
  const arrivals = backends.main.arrivals.filter(({ target }) => target !== "/after");
  return { answers, arrivals };
}

export const targetsOf = ({ arrivals }: Outcome) => arrivals.map((arrival) => arrival.target);
export const isRefusal = ({ answers }: Outcome) => answers.every(({ status }) => status >= 400);
