import assert from "node:assert/strict";
import { noMemory, residentMebibytes } from "../../support/memory.ts";
import { connectClient } from "../../support/http2-client.ts";
import {
  block,
  connectHttp2,
  field,
  flags,
  frame,
  frameTypes,
  ping,
  type RawHttp2,
  request,
  reset,
  settings,
  windowUpdate,
} from "../../support/raw-http2.ts";
import { within } from "../../support/wait.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";
import { secured, withTls } from "../secured.ts";

/** How long an attacker keeps at it, if it is let. */
const attackMs = 3_000;

/** What memory may grow by, in MiB: far less than what is sent. */
const bound = 96;

const head = { authority: "balancer.test" };

/** Sends what `next` gives, again and again, as fast as it is taken. */
async function flood(raw: RawHttp2, next: (turn: number) => readonly Uint8Array[], turns: number): Promise<void> {
  const deadline = performance.now() + attackMs;
  const late = new Promise((resolve) => setTimeout(resolve, attackMs));
  for (let turn = 0; turn < turns && !raw.isEnded() && performance.now() < deadline; turn++) {
    await Promise.race([raw.send(...next(turn)), late]);
  }
}

/** Many frames in one piece. */
const many = (bytes: Uint8Array, count = 1000) => Buffer.concat(Array.from({ length: count }, () => bytes));

const odd = (index: number) => 1 + 2 * index;
const pairs = (turn: number, end: (stream: number) => Uint8Array) =>
  Array.from({ length: 100 }, (_, index) => odd(turn * 100 + index)).flatMap((stream) => [
    request(stream, { ...head, path: "/hang" }),
    end(stream),
  ]);

/** A field whose value is kept in the table, and then stands for a whole field in one byte (RFC 7541 §6.2.1). */
const kept = Buffer.concat([Buffer.from([0x40, 1, 97, 127, 189, 29]), Buffer.alloc(3900, 97)]);

interface Flood {
  readonly name: string;
  readonly first?: Uint8Array;
  attack(raw: RawHttp2): Promise<void>;
}

const floods: readonly Flood[] = [
  {
    name: "requests that are reset at once",
    attack: (raw) => flood(raw, (turn) => pairs(turn, reset), 300),
  },
  {
    name: "requests that the server is made to reset",
    attack: (raw) => flood(raw, (turn) => pairs(turn, (stream) => windowUpdate(stream, 0)), 300),
  },
  {
    name: "a head that never ends, in CONTINUATION frames",
    async attack(raw) {
      await raw.send(frame(frameTypes.headers, 0, 1, block(head)));
      const more = many(frame(frameTypes.continuation, 0, 1, field("x-pad", "p".repeat(1000))), 100);
      await flood(raw, () => [more], 2000);
    },
  },
  {
    name: "a head that never ends, in empty CONTINUATION frames",
    async attack(raw) {
      await raw.send(frame(frameTypes.headers, 0, 1, block(head)));
      const more = many(frame(frameTypes.continuation, 0, 1));
      await flood(raw, () => [more], 2000);
    },
  },
  {
    name: "SETTINGS that nobody reads the answers to",
    async attack(raw) {
      raw.pause();
      const more = many(settings());
      await flood(raw, () => [more], 5000);
    },
  },
  {
    name: "PINGs that nobody reads the answers to",
    async attack(raw) {
      raw.pause();
      const more = many(ping());
      await flood(raw, () => [more], 5000);
    },
  },
  {
    name: "empty DATA frames",
    async attack(raw) {
      await raw.send(frame(frameTypes.headers, flags.endHeaders, 1, block({ ...head, method: "POST", path: "/hang" })));
      const more = many(frame(frameTypes.data, 0, 1));
      await flood(raw, () => [more], 2000);
    },
  },
  {
    name: "PRIORITY frames for streams that are not there",
    attack: (raw) =>
      flood(
        raw,
        (turn) =>
          Array.from({ length: 1000 }, (_, index) =>
            frame(frameTypes.priority, 0, odd((turn * 1000 + index) % 1e6), Buffer.from([0, 0, 0, 0, 1]))),
        500,
      ),
  },
  {
    name: "five thousand requests at once",
    attack: (raw) =>
      flood(
        raw,
        (turn) =>
          Array.from({ length: 100 }, (_, index) => request(odd(turn * 100 + index), { ...head, path: "/hang" })),
        50,
      ),
  },
  {
    name: "a hundred answers that nobody takes a byte of",
    first: settings({ 4: 0 }),
    attack: (raw) =>
      flood(raw, () => Array.from({ length: 100 }, (_, index) => request(odd(index), { ...head, path: "/big" })), 1),
  },
  {
    name: "fields that are long, and written in one byte",
    async attack(raw) {
      await raw.send(
        frame(frameTypes.headers, flags.endStream | flags.endHeaders, 1, Buffer.concat([block(head), kept])),
      );
      const again = Buffer.concat([block(head), Buffer.alloc(16_000, 0xbe)]);
      await flood(
        raw,
        (turn) => [frame(frameTypes.headers, flags.endStream | flags.endHeaders, odd(turn + 1), again)],
        200,
      );
    },
  },
];

/** Asks all the time; what was answered otherwise than it should be, and how many there were. */
function otherClient(context: CaseContext, port: number) {
  let asked = 0;
  const wrong: unknown[] = [];
  const enough = new AbortController();
  const asking = (async () => {
    while (!enough.signal.aborted) {
      const client = await connectClient(port);
      try {
        for (let turn = 0; turn < 10 && !enough.signal.aborted; turn++) {
          asked++;
          const { status, body } = await client.ask();
          if (status !== 200 || body.toString() !== "main") wrong.push(status);
        }
      } finally {
        client.leave();
      }
    }
  })();
  asking.catch((error: unknown) => wrong.push(error));
  const stop = async () => {
    enough.abort();
    await asking.catch(() => {});
    return { asked, wrong };
  };
  context.onEnd(stop);
  return stop;
}

export const http2FloodCases: readonly ConformanceCase[] = floods.map(({ name, first, attack }) => ({
  name: `http2 flood: ${name}, hold up nobody and fill no memory`,
  only: withTls,
  skip: noMemory,
  timeoutMs: 100_000,
  async run(context) {
    const { port, backends, balancer } = await context.stage(secured);
    const big = Buffer.alloc(1 << 20, 97);
    backends.main.handle(async (arrival) => {
      if (arrival.target === "/") return arrival.answer(200, [], "main");
      if (arrival.target === "/big") arrival.write(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`);
    });
    const before = residentMebibytes(balancer.process.pid);
    let most = before;
    const look = () => (most = Math.max(most, residentMebibytes(balancer.process.pid)));
    const looking = setInterval(look, 50);
    context.onEnd(() => clearInterval(looking));
    const stop = otherClient(context, port);

    const raw = await connectHttp2(port, first === undefined ? {} : { first });
    context.onEnd(raw.leave);
    await attack(raw);
    look();
    raw.leave();
    const { asked, wrong } = await stop();
    assert.deepEqual(wrong, []);
    assert.ok(asked > 0);
    assert.ok(most - before < bound, `memory grew by ${(most - before).toFixed(0)} MiB`);

    // Whatever the flood made the balancer ask for has ended with it.
    await within(
      75_000, // where Node has missed that the client is gone, that shows by its silence
      "the backend's rest",
      Promise.all(
        backends.main.arrivals.filter(({ target }) => target !== "/").map(({ closed }) => closed),
      ),
    );
  },
}));
