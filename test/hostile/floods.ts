import assert from "node:assert/strict";
import { connect } from "node:net";
import type { CaseContext } from "../conformance/case.ts";
import { exchange } from "../support/raw-client.ts";
import { within } from "../support/wait.ts";
import type { HostileCase } from "./cases.ts";
import { gapOf } from "./gaps.ts";
import { isTold, residentOf, watchFiles } from "./process-tree.ts";
import { hostile, type HostileStage } from "./stage.ts";

const head = "POST /flood HTTP/1.1\r\nHost: balancer.test\r\n";

/** So many at a time. */
async function inTurns(times: number, width: number, work: (turn: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const line = async () => {
    while (next < times) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, line));
}

/** Connects, says something and is gone, with a FIN or with a RST. */
function knock(port: number, words: string, reset: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      if (words !== "") socket.write(words);
      if (reset) socket.resetAndDestroy();
      else socket.destroySoon();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

/** Every one is served, by the backend that is meant. */
async function assertNormal({ port }: HostileStage, times: number): Promise<void> {
  await inTurns(times, 10, async () => {
    const { status, body } = await exchange(port, { target: "/normal" });
    assert.deepEqual([status, body.toString()], [200, "main"]);
  });
}

/** Heads and bodies that never come to their end, and the requests of everybody else. */
const stalled = (what: string, count: number, beginnings: readonly string[]): HostileCase => ({
  name: `flood: ${what} hold nobody up`,
  timeoutMs: 60_000,
  async run(context) {
    const stage = await context.stage(hostile);
    const files = watchFiles(stage.balancer.process.pid);
    let ended = 0;
    const stalled = [];
    for (let turn = 0; turn < count; turn += 1) {
      const client = await stage.connect();
      void client.ended.then(() => (ended += 1));
      await client.send(beginnings[turn % beginnings.length] ?? "");
      stalled.push(client);
    }
    await assertNormal(stage, 200);
    assert.equal(ended, 0, "the requests were served while all of them stood");
    for (const client of stalled) client.leave();
    for (const arrival of stage.backends.main.arrivals) {
      assert.ok(arrival.target === "/normal" || !(await arrival.body()).complete, "no body is completed");
    }
    await files.settled(20);
    return "served";
  },
});

/** Bytes without an end: the client is stopped after so many, and the memory of the balancer stays as it was. */
const endless = (what: string, start: string, words: string): HostileCase => ({
  name: `flood: ${what}`,
  timeoutMs: 60_000,
  async run(context) {
    const stage = await context.stage(hostile);
    const { pid } = stage.balancer.process;
    const before = isTold ? residentOf(pid) : 0;
    const client = await stage.connect();
    const over = new AbortController();
    void client.ended.then(() => over.abort());
    await client.send(start);
    let sent = 0;
    const most = 32 * 1024 * 1024;
    while (!over.signal.aborted && sent < most) {
      const taken = await within(2000, "room", client.send(words)).then(() => true, () => false);
      if (!taken) break;
      sent += words.length;
    }
    const grown = isTold ? residentOf(pid) - before : 0;
    await assertNormal(stage, 10);
    const answer = await within(1000, "an answer", client.head()).catch(() => undefined);
    client.leave();
    assert.ok(grown < 48 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MB more memory`);
    const gap = gapOf(`flood: ${what}`, context.runtime);
    const whole = [];
    for (const arrival of stage.backends.main.arrivals.filter(({ target }) => target === "/flood")) {
      if ((await arrival.body()).complete) whole.push(arrival);
    }
    assert.equal(whole.length, gap === undefined ? 0 : 1, "nothing of it is a whole request");
    if (answer !== undefined && gap === undefined) assert.ok(answer.status >= 400, `${answer.status}`);
    const word = over.signal.aborted ? "closed" : sent < most ? "waits" : "read on";
    return gap === undefined ? (answer === undefined ? word : String(answer.status)) : `gap: ${word}`;
  },
});

const large = (what: string, fields: string): HostileCase => ({
  name: `flood: ${what} is refused`,
  async run(context: CaseContext) {
    const stage = await context.stage(hostile);
    const client = await stage.connect();
    void client.send(`GET /flood HTTP/1.1\r\nHost: balancer.test\r\n${fields}\r\n`);
    const answer = await within(4000, "an end", client.response().catch(() => undefined));
    client.leave();
    assert.deepEqual(stage.backends.main.arrivals.map(({ target }) => target), []);
    if (answer !== undefined) assert.ok([400, 413, 431].includes(answer.status), `${answer.status}`);
    return answer === undefined ? "closed" : String(answer.status);
  },
});

const fields = (count: number, length: number) =>
  Array.from({ length: count }, (_, index) => `X-Pad-${index}: ${"p".repeat(length)}\r\n`).join("");

const beginnings = [
  "",
  "GET",
  "GET /flood HTTP/1.1\r\nHost: balancer.test\r\nX-Half: ",
  `${head}Content-Length: 10\r\n`,
];

export const floods: readonly HostileCase[] = [
  large("100 kB of fields", fields(100, 1000)),
  large("a field of 100 kB", fields(1, 100_000)),
  large("2,000 fields", fields(2000, 10)),
  large("a field's name of 100 kB", `X-${"n".repeat(100_000)}: a\r\n`),
  large("a cookie of 100 kB", `Cookie: ${"c=1; ".repeat(20_000)}\r\n`),
  large("a Connection that names 10,000 fields", `Connection: ${"x-a, ".repeat(10_000)}\r\n`),
  endless("a head without an end", `${head}`, `X-Endless: ${"x".repeat(1000)}\r\n`.repeat(32)),
  endless("a field without an end", `${head}X-Endless: `, "x".repeat(32_768)),
  endless("a target without an end", "GET /", "x".repeat(32_768)),
  endless("line ends without an end", "", "\r\n".repeat(16_384)),
  endless("a chunk size without an end", `${head}Transfer-Encoding: chunked\r\n\r\n`, "0".repeat(32_768)),
  endless("a chunk extension without an end", `${head}Transfer-Encoding: chunked\r\n\r\n1;`, "x".repeat(32_768)),
  endless(
    "trailers without an end",
    `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n`,
    `X-T: ${"x".repeat(1000)}\r\n`.repeat(32),
  ),
  stalled("200 stalled heads", 200, beginnings),
  stalled("300 stalled bodies", 300, [`${head}Content-Length: 1000\r\n\r\nbegin`]),
  {
    name: "flood: 5,000 connections opened and dropped leave nothing behind",
    timeoutMs: 90_000,
    async run(context) {
      const stage = await context.stage(hostile);
      await assertNormal(stage, 20);
      const files = watchFiles(stage.balancer.process.pid);
      const dropping = inTurns(5000, 50, (turn) => knock(stage.port, beginnings[turn % 4]!, turn % 8 >= 4));
      await assertNormal(stage, 200);
      await dropping;
      await assertNormal(stage, 20);
      await files.settled(20);
      assert.ok(stage.backends.main.arrivals.every(({ target }) => target === "/normal"), "a half head is no request");
      return "served";
    },
  },
];
