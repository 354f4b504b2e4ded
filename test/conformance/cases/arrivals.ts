import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import {
  createMortalBackend,
  type Death,
  type MortalBackend,
  type Phase,
  phases,
} from "../../support/mortal-backend.ts";
import { connectRaw, exchange } from "../../support/raw-client.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

/** What comes between the target and the end of a request. */
type Rest = readonly [fields: string, body: string];

const large = "too much to keep ".repeat(20_000);
const none: Rest = ["", ""];
const small: Rest = ["Content-Length: 5\r\n", "hello"];
const bodies: readonly (readonly [what: string, rest: Rest])[] = [
  ["without a body", none],
  ["with a small body", small],
  ["with a body too large to keep", [`Content-Length: ${large.length}\r\n`, large]],
  ["with a chunked body", ["Transfer-Encoding: chunked\r\n", `${chunk("hello")}${chunk("")}`]],
];

/** One way for a request to come to its end. */
interface Scene {
  readonly method: string;
  readonly phase: Phase;
  readonly death: Death;
  /** Whether the connections were kept from earlier requests. */
  readonly kept: boolean;
  /** How often the request came, by backend. */
  readonly times: readonly number[];
  /** `undefined`: the connection broke instead. */
  readonly status: number | undefined;
}

/** Plays every phase, death and age of connections with two backends that both die. */
async function play(
  context: CaseContext,
  requests: readonly (readonly [method: string, rest: Rest])[],
): Promise<Scene[]> {
  const backends = [await createMortalBackend(), await createMortalBackend()];
  for (const backend of backends) context.onEnd(() => backend.close());
  const { port } = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends: backends.map(({ url }) => url), healthCheck: false } },
  });
  const scenes: Scene[] = [];
  for (const [method, rest] of requests) {
    for (const phase of phases) {
      for (const death of ["FIN", "reset"] as const) {
        for (const kept of [false, true]) {
          // A connection to each, so that whoever is picked has one.
          if (kept) { for (const _ of backends) await exchange(port, { target: "/warm" }); }
          for (const backend of backends) backend.die(phase, death);
          const target = `/${scenes.length}`;
          const status = await ask(port, `${method} ${target} HTTP/1.1\r\nHost: balancer.test\r\n`, rest, method);
          scenes.push({ method, phase, death, kept, status, times: backends.map((one) => one.arrivals(target)) });
        }
      }
    }
  }
  await assertAlive(port, backends);
  return scenes;
}

async function ask(port: number, head: string, [fields, body]: Rest, method: string): Promise<number | undefined> {
  const client = await connectRaw(port);
  void client.send(`${head}${fields}\r\n${body}`);
  const answer = await client.response(method).catch(() => undefined);
  client.leave();
  return answer?.status;
}

async function assertAlive(port: number, backends: readonly MortalBackend[]): Promise<void> {
  for (const _ of backends) assert.equal((await exchange(port, { target: "/warm" })).status, 200);
}

const isAnswered = ({ phase }: Scene) => phase === "answer's head" || phase === "answer's body";
const wordsOf = ({ method, phase, death, kept, times }: Scene) =>
  `${method}, ${death} at ${phase}, ${kept ? "kept" : "fresh"}: ${times.join(" and ")} arrivals`;

/** One backend at most has seen it, once; and where it must have seen it, it has. */
function assertOnce(scenes: readonly Scene[]): void {
  for (const scene of scenes) {
    const total = scene.times[0]! + scene.times[1]!;
    assert.ok(total <= 1, wordsOf(scene));
    if (scene.phase !== "connect") assert.equal(total, 1, wordsOf(scene));
    if (!isAnswered(scene)) assert.equal(scene.status, 502, wordsOf(scene));
  }
}

export const arrivalCases: readonly ConformanceCase[] = [
  ...bodies.map(([what, rest]): ConformanceCase => ({
    name: `arrivals: a POST ${what} reaches one backend once, in whatever phase its connection dies`,
    async run(context) {
      assertOnce(await play(context, [["POST", rest]]));
    },
  })),
  {
    name:
      "arrivals: a PUT, a PATCH and a DELETE with a body reach one backend once, in whatever phase their connection dies",
    async run(context) {
      assertOnce(await play(context, [["PUT", small], ["PATCH", small], ["DELETE", small]]));
    },
  },
  {
    name: "arrivals: a PUT and a DELETE without a body reach one backend once, in whatever phase their connection dies",
    gaps: { workers: "workerd itself sends them once more when a kept connection turns out to be dead" },
    async run(context) {
      assertOnce(await play(context, [["PUT", none], ["DELETE", none]]));
    },
  },
  {
    name:
      "arrivals: a GET, a HEAD and an OPTIONS reach each backend once, and once more if a kept connection turned out to be dead",
    async run(context) {
      for (const scene of await play(context, [["GET", none], ["HEAD", none], ["OPTIONS", none]])) {
        const most = scene.kept ? 2 : 1;
        assert.ok(scene.times.every((times) => times <= most), wordsOf(scene));
        if (isAnswered(scene)) assert.equal(scene.times[0]! + scene.times[1]!, 1, wordsOf(scene));
        else assert.equal(scene.status, 502, wordsOf(scene));
      }
    },
  },
];
