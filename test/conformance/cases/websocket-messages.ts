import assert from "node:assert/strict";
import { closeOf, closing, frame, opcode, readFrame } from "../../support/frames.ts";
import { backendSide, echo, openOn, switching } from "../../support/raw-websocket.ts";
import { within } from "../../support/wait.ts";
import type { ConformanceCase } from "../case.ts";
import { joined, sockets } from "../joined.ts";

const lengths = [0, 1, 125, 126, 65_535, 65_536, 1024 * 1024];
const bytesOf = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31) % 251));

/** Codes that an endpoint may send; `undefined`: none, which is told as 1005. */
const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999, undefined];
/** Of a gateway, and those that are not defined yet. */
const rareCodes = [1014, 1016, 2000, 2999];

export const webSocketMessageCases: readonly ConformanceCase[] = [
  {
    name: "websocket: texts and binaries of every length pass in both directions",
    timeoutMs: 30_000,
    async run(context) {
      const { client, backend } = await joined(context);
      for (const [one, other] of [[client, backend], [backend, client]] as const) {
        for (const length of lengths) {
          const bytes = bytesOf(length);
          one.say(opcode.binary, bytes);
          const got = await other.next();
          assert.equal(got.opcode, opcode.binary);
          assert.ok(got.payload.equals(bytes), `${length} bytes`);
          assert.equal(got.masked, other === backend);
          const text = "ä€😀x".repeat(length / 10);
          one.say(opcode.text, text);
          const read = await other.next();
          assert.equal(read.opcode, opcode.text);
          assert.ok(read.payload.equals(Buffer.from(text)));
        }
      }
    },
  },
  {
    name: "websocket: a fragmented message arrives whole, and a ping may come between",
    async run(context) {
      const { client, backend } = await joined(context);
      for (const [one, other] of [[client, backend], [backend, client]] as const) {
        one.say(opcode.text, "one ", { fin: false });
        one.say(opcode.ping, "between");
        one.say(opcode.continuation, "", { fin: false });
        one.say(opcode.continuation, "message");
        const parts: string[] = [];
        while (!parts.join("").endsWith("message")) {
          const got = await other.next();
          if (got.opcode < opcode.close) parts.push(got.payload.toString());
        }
        assert.equal(parts.join(""), "one message");
      }
    },
  },
  {
    name: "websocket: a message in single bytes on the wire arrives whole",
    async run(context) {
      const { client, backend, arrival } = await joined(context);
      arrival.socket.setNoDelay(true);
      for (const byte of frame(opcode.text, "bit by bit")) backend.write(Buffer.from([byte]));
      assert.equal((await client.message()).toString(), "bit by bit");
      for (const byte of frame(opcode.text, "bit by bit", { masked: true })) client.write(Buffer.from([byte]));
      assert.equal((await backend.message()).toString(), "bit by bit");
    },
  },
  {
    name: "websocket: what the backend says together with its 101 arrives first",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(async (arrival) => {
        const side = backendSide(arrival);
        arrival.write(Buffer.concat([switching(arrival), frame(opcode.text, "first"), frame(opcode.text, "second")]));
        await echo(side);
      });
      const client = await openOn(await connect());
      assert.equal((await client.message()).toString(), "first");
      assert.equal((await client.message()).toString(), "second");
      client.say(opcode.text, "third");
      assert.equal((await client.message()).toString(), "third");
    },
  },
  ...([["", codes], [" of a rare kind", rareCodes]] as const).flatMap((
    [kind, codes],
  ): ConformanceCase[] => [
    {
      name: `websocket: a close of the backend${kind} reaches the client with its code and its reason`,
      timeoutMs: 30_000,
      async run(context) {
        for (const code of codes) {
          const { client, backend, connection } = await joined(context);
          backend.say(opcode.close, code === undefined ? "" : closing(code, "why"));
          assert.deepEqual(closeOf(await client.next()), [code, code === undefined ? "" : "why"]);
          client.say(opcode.close, code === undefined ? "" : closing(code, "why"));
          assert.deepEqual(closeOf(await backend.next())[0], code);
          connection.leave();
        }
      },
    },
    {
      name: `websocket: a close of the client${kind} reaches the backend with its code and its reason`,
      timeoutMs: 30_000,
      async run(context) {
        for (const code of codes) {
          const { client, backend, arrival } = await joined(context);
          client.say(opcode.close, code === undefined ? "" : closing(code, "why"));
          assert.deepEqual(closeOf(await backend.next()), [code, code === undefined ? "" : "why"]);
          backend.say(opcode.close, code === undefined ? "" : closing(code, "why"));
          assert.deepEqual(closeOf(await client.next())[0], code);
          arrival.socket.end();
          await within(8000, "the end of the client's connection", client.reader.ended);
        }
      },
    },
  ]),
  ...(["FIN", "RST"] as const).flatMap((how): ConformanceCase[] => [
    {
      name: `websocket: a client that goes with a ${how} and no close frame is gone for the backend too`,
      async run(context) {
        const { connection, backend } = await joined(context);
        if (how === "FIN") connection.leave();
        else connection.reset();
        await within(8000, "the end of the backend's connection", backend.reader.ended);
        assert.equal(await readFrame(backend.reader), undefined, "no close frame was made up");
      },
    },
    {
      name: `websocket: a backend that goes with a ${how} and no close frame is gone for the client too`,
      async run(context) {
        const { client, arrival, backend } = await joined(context);
        backend.say(opcode.text, "last words");
        assert.equal((await client.message()).toString(), "last words");
        if (how === "FIN") arrival.socket.destroy();
        else arrival.socket.resetAndDestroy();
        await within(8000, "the end of the client's connection", client.reader.ended);
        assert.equal(await readFrame(client.reader), undefined, "no close frame was made up");
      },
    },
  ]),
  {
    name: "websocket: a backend's ping reaches the client, and the client's pong the backend",
    async run(context) {
      const { client, backend } = await joined(context);
      backend.say(opcode.ping, "are you there");
      const ping = await client.next();
      assert.deepEqual([ping.opcode, ping.payload.toString()], [opcode.ping, "are you there"]);
      client.say(opcode.pong, "are you there");
      const pong = await backend.next();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [opcode.pong, "are you there"]);
    },
  },
  {
    name: "websocket: a client's ping reaches the backend",
    async run(context) {
      const { client, backend } = await joined(context);
      client.say(opcode.ping, "are you there");
      const ping = await backend.next();
      assert.deepEqual([ping.opcode, ping.payload.toString()], [opcode.ping, "are you there"]);
    },
  },
  {
    name: "websocket: a client's ping is answered once",
    async run(context) {
      const { client, backend } = await joined(context);
      void echo(backend);
      client.say(opcode.ping, "one");
      client.say(opcode.ping, "two");
      client.say(opcode.text, "and a word");
      const got = [await client.next(), await client.next(), await client.next()];
      const told = got.map(({ opcode, payload }) => `${opcode} ${payload}`).sort();
      assert.deepEqual(told, ["1 and a word", "10 one", "10 two"]);
      client.say(opcode.text, "nothing between");
      assert.equal((await client.message()).toString(), "nothing between");
    },
  },
];
