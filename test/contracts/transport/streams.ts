import assert from "node:assert/strict";
import { chunk } from "../../support/http1.ts";
import type { Arrival } from "../../support/raw-backend.ts";
import { readerOf, settled } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

const framings = [
  { what: "a body of known length", field: "Content-Length: 15", coded: (text: string) => text, last: "" },
  {
    what: "a chunked body",
    field: "Transfer-Encoding: chunked",
    coded: (text: string) => chunk(text),
    last: chunk(""),
  },
  {
    what: "a body that ends with its connection",
    field: "Connection: close",
    coded: (text: string) => text,
    last: undefined,
  },
] as const;

/** Writes as fast as the connection takes it. */
function createFlood(total: number): { handle(arrival: Arrival): Promise<void>; written(): number } {
  const piece = Buffer.alloc(64 * 1024, "x");
  let written = 0;
  return {
    written: () => written,
    async handle({ socket, write }) {
      let wake = () => {};
      for (const event of ["drain", "close"]) socket.on(event, () => wake());
      write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      while (written < total && !socket.destroyed) {
        written += piece.length;
        const room = new Promise<void>((resolve) => (wake = resolve));
        if (!socket.write(piece)) await room;
      }
    },
  };
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number> {
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value.byteLength;
  }
}

export const streamCases: readonly TransportCase[] = [
  ...framings.map(
    ({ what, field, coded, last }): TransportCase => ({
      name: `stream: each piece of ${what} arrives before the next is written`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`));
        const sent = send(main);
        const answer = await sent.answer;
        const body = readerOf(answer);
        const arrival = await main.arrival(0);
        for (const piece of ["first", "again", "third"]) {
          arrival.write(coded(piece));
          assert.equal(await body.text(), piece);
        }
        if (last === undefined) arrival.socket.end();
        else arrival.write(last);
        assert.equal(await body.text(), undefined);
        assert.deepEqual(await sent.ended(), { bytes: 15, error: undefined });
      },
    }),
  ),
  {
    name: "stream: a head without its body is passed on at once",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"));
      assert.equal((await send(main).answer).status, 200);
    },
  },
  {
    name: "stream: a reader that stops stalls the backend, and the rest comes when it reads on",
    timeoutMs: 20_000,
    async run({ backend, send }) {
      const total = 96 * 1024 * 1024;
      const flood = createFlood(total);
      const main = await backend(flood.handle);
      const before = process.memoryUsage().rss;
      const sent = send(main);
      const reader = ((await sent.answer).body as ReadableStream<Uint8Array>).getReader();
      const first = (await reader.read()).value?.byteLength ?? 0;
      const written = await settled(flood.written);
      const grown = process.memoryUsage().rss - before;
      assert.ok(written < 16 * 1024 * 1024, `the backend could write ${written} bytes`);
      assert.ok(grown < 48 * 1024 * 1024, `memory grew by ${grown} bytes`);
      assert.equal(sent.endings().length, 0);
      assert.equal(first + (await drain(reader)), total);
      assert.deepEqual(await sent.ended(), { bytes: total, error: undefined });
    },
  },
  {
    name: "stream: a body that nobody begins to read stalls the backend too",
    async run({ backend, send }) {
      const flood = createFlood(96 * 1024 * 1024);
      const main = await backend(flood.handle);
      const answer = await send(main).answer;
      const written = await settled(flood.written);
      assert.ok(written < 16 * 1024 * 1024, `the backend could write ${written} bytes`);
      await answer.body?.cancel();
    },
  },
  {
    name: "stream: a stalled reader holds up no other request",
    async run({ backend, send }) {
      const flood = createFlood(96 * 1024 * 1024);
      const main = await backend((
        arrival,
      ) => (arrival.target === "/flood" ? flood.handle(arrival) : arrival.answer(200, [], "ok")));
      const stalled = await send(main, { target: "/flood" }).answer;
      await settled(flood.written, 100);
      for (let turn = 0; turn < 5; turn += 1) assert.equal(await (await send(main).answer).text(), "ok");
      await stalled.body?.cancel();
    },
  },
];
