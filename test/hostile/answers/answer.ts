import assert from "node:assert/strict";
import type { CaseContext } from "../../conformance/case.ts";
import type { Arrival } from "../../support/raw-backend.ts";
import type { RawResponse } from "../../support/raw-client.ts";
import { within } from "../../support/wait.ts";
import { hostile, type HostileStage } from "../stage.ts";
import { assertStrictAnswer } from "../strict.ts";

/**
 * What a backend answers with, and what may come of it.
 *
 * `refuse`: the client is told 502 or 504, or sees that the answer is broken. `serve`: odd, but it means this. `either`: one of both.
 */
export interface EvilAnswer {
  readonly name: string;
  readonly rule: "refuse" | "serve" | "either";
  /** In Latin-1. */
  readonly bytes: string;
  /** Whether the connection ends behind them. */
  readonly ends?: boolean;
  readonly method?: "GET" | "HEAD" | "POST";
  /** What the client gets where it is served. */
  readonly status?: number;
  readonly body?: string | RegExp;
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/** What a client of an evil answer got: an answer to its end, or none. */
export type Got = RawResponse | undefined;

/** Every other request is answered with its own target, so that an answer that went astray is seen. */
export function answerEvil(stage: HostileStage, evil: (arrival: Arrival) => unknown): void {
  stage.backends.main.handle((arrival) =>
    arrival.target === "/evil" ? evil(arrival) : arrival.answer(200, [["content-type", "text/plain"]], arrival.target)
  );
}

/** Asks for the evil answer; what comes is held to the letter, whatever it is. */
export async function askEvil(stage: HostileStage, method = "GET"): Promise<Got> {
  const client = await stage.connect();
  const length = method === "POST" ? "Content-Length: 0\r\n" : "";
  await client.send(`${method} /evil HTTP/1.1\r\nHost: impatient.test\r\n${length}\r\n`);
  const got = await within(6000, "an end", client.response(method).catch(() => undefined));
  if (got !== undefined) assertStrictAnswer(got);
  // The same connection goes on with its next answer, or ends.
  await client.send("GET /same HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n");
  const same = await within(6000, "an end", client.response().catch(() => undefined));
  if (same !== undefined) assert.deepEqual([same.status, same.body.toString()], [200, "/same"]);
  client.leave();
  return got?.complete === true ? got : undefined;
}

/** Nobody gets another one's answer: what the backend said too much is lost with its connection. */
export async function assertNoPoison({ exchange }: HostileStage): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) {
    const target = `/next-${turn}`;
    const { status, body } = await exchange({ target });
    assert.deepEqual([status, body.toString()], [200, target], "the answer to this request");
  }
}

export async function strikeBack(context: CaseContext, answer: EvilAnswer): Promise<string> {
  const stage = await context.stage(hostile);
  answerEvil(stage, ({ socket }) => {
    socket.write(Buffer.from(answer.bytes, "latin1"));
    if (answer.ends) socket.end();
  });
  const got = await askEvil(stage, answer.method);
  await assertNoPoison(stage);
  stage.backends.main.reset();
  if (got === undefined || got.status === 502 || got.status === 504) {
    assert.notEqual(answer.rule, "serve", `it has to be served, got ${got?.status}`);
    return got === undefined ? "broken" : String(got.status);
  }
  const { status = 200, body = "" } = answer;
  assert.notEqual(answer.rule, "refuse", `it is served: ${got.status} ${got.body.toString("latin1").slice(0, 100)}`);
  assert.equal(got.status, status);
  if (typeof body === "string") assert.equal(got.body.toString("latin1"), body);
  else assert.match(got.body.toString("latin1"), body);
  for (const [name, values] of Object.entries(answer.fields ?? {})) assert.deepEqual(got.all(name), values, name);
  return "served";
}
