import assert from "node:assert/strict";
import type { CaseContext } from "../../conformance/case.ts";
import type { Arrival } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import { handshake, smuggled } from "../attack.ts";
import type { HostileCase } from "../cases.ts";
import { hostile, type HostileStage } from "../stage.ts";
import { answerEvil, askEvil, assertNoPoison } from "./answer.ts";

/** What answers the key of the handshake. */
const accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const poison = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";

/** Says the same for ever, at the pace at which it is taken; gives back how many bytes that were. */
async function talk({ socket }: Arrival, start: string, words: string): Promise<number> {
  let said = 0;
  socket.write(start);
  while (!socket.destroyed) {
    said += words.length;
    await new Promise<unknown>((resolve) => {
      socket.once("close", resolve);
      socket.write(words, () => {
        socket.off("close", resolve);
        setImmediate(resolve, undefined);
      });
    });
  }
  return said;
}

/** A backend that never comes to its answer's body; the client is told after the time it has at most, and the memory stays. */
const endless = (what: string, start: string, words: string): HostileCase => ({
  name: `backend: ${what}`,
  timeoutMs: 30_000,
  async run(context) {
    const stage = await context.stage(hostile);
    const said: Promise<number>[] = [];
    answerEvil(stage, (arrival) => {
      const talking = talk(arrival, start, words);
      said.push(talking);
      return talking;
    });
    const got = await askEvil(stage);
    await within(8000, "the end of the backend's connection", Promise.all(said));
    await assertNoPoison(stage);
    stage.backends.main.reset();
    assert.ok(got === undefined || got.status === 502 || got.status === 504, `${got?.status}`);
    return got === undefined ? "broken" : String(got.status);
  },
});

const large = (what: string, fields: string): HostileCase => ({
  name: `backend: ${what}`,
  async run(context) {
    const stage = await context.stage(hostile);
    answerEvil(stage, ({ socket }) => socket.write(`HTTP/1.1 200 OK\r\n${fields}content-length: 4\r\n\r\nbody`));
    const got = await askEvil(stage);
    await assertNoPoison(stage);
    stage.backends.main.reset();
    if (got?.status === 200) assert.equal(got.body.toString(), "body");
    else assert.ok(got === undefined || got.status === 502, `${got?.status}`);
    return got === undefined ? "broken" : got.status === 200 ? "served" : String(got.status);
  },
});

/** A client that announces a megabyte and sends its beginning, and the rest once it was answered. */
async function askEarly(stage: HostileStage, answer: (arrival: Arrival) => unknown): Promise<string> {
  answerEvil(stage, answer);
  const rest = smuggled.repeat(200);
  const client = await stage.connect();
  await client.send(
    `POST /evil HTTP/1.1\r\nHost: impatient.test\r\nContent-Length: ${5 + rest.length}\r\n\r\nbegin`,
  );
  const got = await within(6000, "an answer", client.response().catch(() => undefined));
  await client.send(rest);
  await client.send("GET /same HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n");
  const same = await within(6000, "an end", client.response().catch(() => undefined));
  if (same !== undefined) {
    assert.ok(same.body.toString() === "/same" || same.status >= 400, `${same.status} ${same.body}`);
  }
  client.leave();
  await assertNoPoison(stage);
  const targets = stage.backends.main.arrivals.map(({ target }) => target);
  assert.ok(!targets.includes("/smuggled"), "the rest of a body is no request");
  assert.equal(targets.filter((target) => target === "/evil").length, 1, "and the request is not sent again");
  stage.backends.main.reset();
  return got === undefined ? "broken" : String(got.status);
}

const early = (what: string, answer: (arrival: Arrival) => unknown): HostileCase => ({
  name: `backend: an early answer ${what}`,
  run: async (context: CaseContext) => askEarly(await context.stage(hostile), answer),
});

/** A backend that switches to something else than the WebSocket it was asked for: a tunnel to nobody knows what. */
const switching = (what: string, ...fields: string[]): HostileCase => ({
  name: `backend: a 101 ${what} is no answer to a handshake`,
  async run(context) {
    const stage = await context.stage(hostile);
    answerEvil(stage, ({ socket }) => {
      socket.write(["HTTP/1.1 101 Switching Protocols", ...fields, "", poison].join("\r\n"));
      return silence();
    });
    const client = await stage.connect();
    await client.send(["GET /evil HTTP/1.1", "Host: impatient.test", ...handshake, "", ""].join("\r\n"));
    const got = await within(6000, "an end", client.head().catch(() => undefined));
    client.leave();
    await assertNoPoison(stage);
    stage.backends.main.reset();
    assert.ok(got === undefined || got.status === 502, `${got?.status}`);
    return got === undefined ? "closed" : String(got.status);
  },
});

const silence = (): Promise<void> => new Promise(() => {});

export const tricks: readonly HostileCase[] = [
  switching("to h2c", "Connection: Upgrade", "Upgrade: h2c", accept),
  switching("to two protocols", "Connection: Upgrade", "Upgrade: websocket, h2c", accept),
  switching("to nothing", "Connection: Upgrade", accept),
  switching(
    "with a key of its own",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  ),
  endless("a head without an end", "HTTP/1.1 200 OK\r\n", `x-endless: ${"x".repeat(1000)}\r\n`.repeat(8)),
  endless("a field without an end", "HTTP/1.1 200 OK\r\nx-endless: ", "x".repeat(8192)),
  endless("a status line without an end", "HTTP/1.1 200 ", "O".repeat(8192)),
  endless("interim answers without an end", "", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(200)),
  endless("100s without an end", "", "HTTP/1.1 100 Continue\r\n\r\n".repeat(400)),
  endless("line ends without an end", "", "\r\n".repeat(4096)),
  large("100 kB of fields", `x-large: ${"x".repeat(1000)}\r\n`.repeat(100)),
  large("one field of 100 kB", `x-large: ${"x".repeat(100_000)}\r\n`),
  large("2,000 fields", Array.from({ length: 2000 }, (_, index) => `x-${index}: a\r\n`).join("")),
  large("1,000 cookies", Array.from({ length: 1000 }, (_, index) => `set-cookie: c${index}=a\r\n`).join("")),
  early("and a connection that stays", ({ socket }) => {
    socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless");
    return silence();
  }),
  early("and a connection that ends", ({ socket }) => {
    socket.end("HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nless");
    return silence();
  }),
  early("of success", ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsure");
    return silence();
  }),
  early("and a reset", ({ socket }) => {
    socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless", () => socket.resetAndDestroy());
    return silence();
  }),
  {
    name: "backend: an answer that nobody has asked for does not become the next one's",
    async run(context) {
      const stage = await context.stage(hostile);
      answerEvil(stage, silence);
      for (let turn = 0; turn < 3; turn += 1) {
        await assertNoPoison(stage);
        const { socket, closed } = stage.backends.main.arrivals.at(-1)!;
        socket.write(poison);
        // A request that is on its way already takes them for its answer, in every proxy; one that comes later must not.
        await within(1500, "the end of a connection that speaks unasked", closed).catch(() =>
          console.log("not closed")
        );
      }
      await assertNoPoison(stage);
      stage.backends.main.reset();
      return "served";
    },
  },
];
