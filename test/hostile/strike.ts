import assert from "node:assert/strict";
import type { CaseContext } from "../conformance/case.ts";
import type { Arrival } from "../support/raw-backend.ts";
import type { RawClient, RawHead } from "../support/raw-client.ts";
import { within } from "../support/wait.ts";
import { type Attack, get, type Seen } from "./attack.ts";
import { assertServes, hostile } from "./stage.ts";
import { assertStrict, assertStrictTrailers } from "./strict.ts";

/** What came of hostile bytes. */
export type Verdict =
  /** Nothing whole reached a backend; with the status that the client was told, if any. */
  | { readonly kind: "refused"; readonly status: number | undefined }
  | { readonly kind: "served"; readonly requests: number; readonly answers: number }
  /** Neither: the connection stays open, and says nothing. */
  | { readonly kind: "waits" };

export function wordsOf(verdict: Verdict): string {
  if (verdict.kind !== "refused") return verdict.kind;
  return verdict.status === undefined ? "closed" : String(verdict.status);
}

/** Milliseconds to wait for an answer that may rightly never come, and for one that must. */
const patience = { short: 250, long: 4000 } as const;

/** An honest request that ends the connection, so that its end is seen without waiting. */
const sentinel = get("/sentinel", "Connection: close");

/** Strikes once, and judges what the backends saw. */
export async function strike(context: CaseContext, attack: Attack, inPieces: boolean): Promise<Verdict> {
  const stage = await context.stage(hostile);
  const { main, inner, decoy } = stage.backends;
  const client = await stage.connect();
  const bytes = Buffer.from(typeof attack.bytes === "string" ? attack.bytes : attack.bytes(decoy.port), "latin1");
  await send(client, bytes, inPieces);
  const { answers, waits } = await listen(client, attack, bytes);
  client.leave();
  await assertServes(stage);

  assert.equal(decoy.connections(), 0, "nobody but the configured backends is contacted");
  const whole = [...(await wholeOf("main", main.arrivals)), ...(await wholeOf("inner", inner.arrivals))];
  const strange = whole.filter(({ arrival }) => !["/sentinel", "/after"].includes(arrival.target));
  const good = answers.filter(({ status }) => status < 300).length;
  assert.ok(good < whole.length, "nobody but a backend answers well"); // the request afterwards is one of them
  if (strange.length > 0) {
    assertSeen(strange, attack.seen ?? []);
    return { kind: "served", requests: strange.length, answers: good };
  }
  if (answers.length === 0 && waits) return { kind: "waits" };
  return { kind: "refused", status: answers[0]?.status };
}

/** Whole or byte by byte: where a packet ends must make no difference. */
async function send(client: RawClient, bytes: Buffer, inPieces: boolean): Promise<void> {
  const step = inPieces ? Math.ceil(bytes.length / 300) : bytes.length;
  for (let at = 0; at < bytes.length; at += step) await client.send(bytes.subarray(at, at + step));
}

/** What a client gets until its connection ends. */
async function listen(
  client: RawClient,
  { seen, isOpen, later }: Attack,
  bytes: Buffer,
): Promise<{ readonly answers: readonly RawHead[]; readonly waits: boolean }> {
  const answers: RawHead[] = [];
  const method = bytes.toString("latin1").split(" ")[0];
  for (;;) {
    const next = client.response(answers.length === 0 ? method : "GET").catch(() => undefined);
    const isRefused = answers.some(({ status }) => status >= 400);
    const answer = await within(patience[isOpen || isRefused ? "short" : "long"], "an answer", next)
      .catch(() => "late" as const);
    if (answer === "late") return { answers, waits: true };
    if (answer === undefined) break;
    answers.push(answer);
    if (answers.length === 1 && later !== undefined) await client.send(Buffer.from(later, "latin1"));
    if (answers.length === (seen?.length ?? 1) || answer.status >= 400) await client.send(sentinel);
  }
  assert.doesNotMatch((await client.reader.rest()).toString("latin1"), /HTTP\/1/, "no answer inside of another");
  return { answers, waits: false };
}

interface Whole {
  readonly backend: string;
  readonly arrival: Arrival;
  readonly body: string;
}

/** The requests that came to their end; of one that was refused in its body the beginning may have gone out before. */
async function wholeOf(backend: string, arrivals: readonly Arrival[]): Promise<readonly Whole[]> {
  const whole: Whole[] = [];
  for (const arrival of arrivals) {
    assertStrict(arrival);
    const reading = within(3000, `the end of ${arrival.method} ${arrival.target}`, arrival.body());
    const { bytes, complete, trailers = [] } = await reading;
    assertStrictTrailers(trailers);
    if (complete) whole.push({ backend, arrival, body: bytes.toString("latin1") });
  }
  return whole;
}

/** The requests are those that the client sent, or the first of them. */
function assertSeen(whole: readonly Whole[], expected: readonly Seen[]): void {
  const shown = whole.map(({ arrival, body }) => arrival.head.toString("latin1") + body);
  assert.ok(whole.length <= expected.length, `requests at the backend: ${JSON.stringify(shown)}`);
  for (const [index, { arrival, body, backend }] of whole.entries()) {
    const seen = expected[index]!;
    assert.equal(backend, seen.backend ?? "main", `the backend of the route: ${JSON.stringify(shown)}`);
    assert.equal(arrival.method, seen.method);
    if (typeof seen.target === "string") assert.equal(arrival.target, seen.target);
    else assert.match(arrival.target, seen.target);
    assert.equal(body, seen.body ?? "", "the body that the client sent");
    for (const [name, values] of Object.entries(seen.fields ?? {})) assert.deepEqual(arrival.all(name), values, name);
  }
}
