import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClientSide, maxMessageBytes, maxWaitingBytes, relay } from "../../../src/transports/websocket/relay.ts";
import { fakeSocket, settled } from "../../support/fake-socket.ts";
import { closeOf, closing, frame, opcode, parseFrames } from "../../support/frames.ts";

/** A client's side that notes what it is told; `takes` is what `send` gives back. */
const fakeClient = () => {
  const told: unknown[] = [];
  const state = { takes: true };
  const side: ClientSide = {
    send(message) {
      told.push(typeof message === "string" ? message : Buffer.from(message));
      return state.takes;
    },
    close: (code, reason) => void told.push(["close", code, reason]),
    breakOff: () => void told.push("broken off"),
  };
  return { side, told, state };
};

const open = (rest: Uint8Array = new Uint8Array()) => {
  const backend = fakeSocket();
  const client = fakeClient();
  const ends: (string | undefined)[] = [];
  const session = relay({ socket: backend.socket, rest }, (_, error) => void ends.push(error?.code));
  const written = () => parseFrames(backend.taken()).frames;
  return { backend, client, session, ends, written };
};

const opened = async () => {
  const all = open();
  all.session.open(all.client.side);
  await settled();
  return all;
};

describe("a relay", () => {
  it("keeps what the backend says until the client is there", async () => {
    const { backend, client, session } = open(frame(opcode.text, "with the handshake"));
    backend.say(frame(opcode.text, "soon after"));
    await settled();
    session.open(client.side);
    await settled();
    assert.deepEqual(client.told, ["with the handshake", "soon after"]);
  });

  it("passes messages in both directions, the backend's fragments as one, the client's masked", async () => {
    const { backend, client, session, written } = await opened();
    backend.say(frame(opcode.text, "one ", { fin: false }));
    backend.say(Buffer.concat([frame(opcode.continuation, "text"), frame(opcode.binary, "bytes")]));
    session.onMessage("ä");
    session.onMessage(new Uint8Array([1, 2]));
    await settled();
    assert.deepEqual(client.told, ["one text", Buffer.from("bytes")]);
    assert.deepEqual(written().map(({ opcode, masked, payload }) => [opcode, masked, payload.toString("hex")]), [
      [opcode.text, true, "c3a4"],
      [opcode.binary, true, "0102"],
    ]);
  });

  it("reads nothing from the backend while the client takes nothing", async () => {
    const { backend, client, session } = await opened();
    client.state.takes = false;
    for (let count = 0; count < 100; count++) backend.say(frame(opcode.binary, Buffer.alloc(10_000, count)));
    await settled();
    assert.equal(client.told.length, 1);
    assert.equal(backend.socket.isPaused(), true);
    client.state.takes = true;
    session.onDrain();
    await settled();
    assert.equal(client.told.length, 100);
    assert.equal(backend.socket.isPaused(), false);
  });

  it("closes both sides with 1013 once too much waits for the backend", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { backend, client, session, ends } = await opened();
    backend.stall();
    const message = new Uint8Array(1024 * 1024);
    let sent = 0;
    while (client.told.length === 0 && sent < 100) {
      session.onMessage(message);
      sent++;
    }
    assert.deepEqual(client.told, [["close", 1013, "the backend is too slow"]]);
    assert.ok(
      sent * message.length >= maxWaitingBytes && sent * message.length <= maxWaitingBytes + 3 * message.length,
    );
    session.onMessage(message);
    const waiting = backend.socket.writableLength;
    session.onMessage(message);
    assert.equal(backend.socket.writableLength, waiting, "nothing more is taken");
    session.onClose(1013, "");
    t.mock.timers.tick(5_000);
    t.mock.timers.reset();
    await settled();
    assert.equal(backend.socket.destroyed, true);
    assert.deepEqual(ends, ["connection_terminated"]);
  });

  it("sends 1013 to a backend that takes on after all", async () => {
    const { backend, session, written, client } = await opened();
    backend.stall();
    while (client.told.length === 0) session.onMessage(new Uint8Array(1024 * 1024));
    backend.takeOn();
    await settled();
    assert.deepEqual(closeOf(written().at(-1)!), [1013, "the backend is too slow"]);
  });

  it("takes the largest message, and closes with 1009 at a larger one", async () => {
    const { client, session, written } = await opened();
    session.onMessage(new Uint8Array(maxMessageBytes));
    assert.deepEqual(client.told, []);
    await settled();
    session.onMessage(new Uint8Array(maxMessageBytes + 1));
    await settled();
    assert.deepEqual(client.told, [["close", 1009, "the message is too large"]]);
    assert.equal(closeOf(written().at(-1)!)[0], 1009);
  });

  describe("on a ping", () => {
    it("answers it itself: the client's runtime keeps pings to itself", async () => {
      const { backend, client, written } = await opened();
      backend.say(frame(opcode.ping, "are you there"));
      await settled();
      assert.deepEqual(client.told, []);
      assert.deepEqual(written().map(({ opcode, payload }) => [opcode, payload.toString()]), [[
        opcode.pong,
        "are you there",
      ]]);
    });
  });

  describe("on a close", () => {
    for (const code of [1000, 1001, 1011, 2500, 3000, 4999, undefined]) {
      it(`of the backend with ${code ?? "no code"}, closes the client with it, and answers`, async () => {
        const { backend, client, session, written, ends } = await opened();
        backend.say(frame(opcode.close, code === undefined ? "" : closing(code, "why")));
        await settled();
        const reason = code === undefined ? "" : "why";
        assert.deepEqual(client.told, [["close", code, reason]]);
        assert.deepEqual(written().map(closeOf), [[code, reason]]);
        assert.deepEqual(ends, []);
        session.onClose(code ?? 1005, reason);
        backend.leave();
        await settled();
        assert.deepEqual(ends, [undefined]);
      });

      it(`of the client with ${code ?? "no code"}, closes the backend with it`, async () => {
        const { backend, client, session, written, ends } = await opened();
        session.onClose(code ?? 1005, "why");
        await settled();
        assert.deepEqual(written().map(closeOf), [[code, code === undefined ? "" : "why"]]);
        backend.say(frame(opcode.close, code === undefined ? "" : closing(code)));
        backend.leave();
        await settled();
        assert.deepEqual(client.told, []);
        assert.deepEqual(ends, [undefined]);
      });
    }

    it("that the client left out, ends the backend's connection without one", async () => {
      const { backend, session, ends } = await opened();
      session.onClose(1006, "");
      await settled();
      assert.equal(backend.taken().length, 0);
      assert.equal(backend.isEnded(), true);
      backend.leave();
      await settled();
      assert.deepEqual(ends, ["client_aborted"]);
    });

    for (const how of ["leave", "break"] as const) {
      it(`that the backend left out (${how}), breaks the client off after what it has said`, async () => {
        const { backend, client, session, ends } = await opened();
        client.state.takes = false;
        backend.say(Buffer.concat([frame(opcode.text, "one"), frame(opcode.text, "two")]));
        await settled();
        backend[how]();
        await settled();
        assert.deepEqual(client.told, ["one"]);
        client.state.takes = true;
        session.onDrain();
        await settled();
        assert.deepEqual(client.told, ["one", "two", "broken off"]);
        session.onClose(1006, "");
        await settled();
        assert.deepEqual(ends, ["http_response_incomplete"]);
      });
    }

    it("that is not answered, ends the connections after a while", async (t) => {
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const { backend, client, ends } = await opened();
      backend.say(frame(opcode.close, closing(1000)));
      await settled();
      t.mock.timers.tick(5_000);
      t.mock.timers.reset();
      await settled();
      assert.equal(backend.socket.destroyed, true);
      assert.equal(client.told.at(-1), "broken off");
      assert.deepEqual(ends, [undefined]);
    });
  });

  it("tells a backend that breaks the protocol so, and the client that something failed", async () => {
    const { backend, client, written } = await opened();
    backend.say(frame(opcode.text, "ok"));
    backend.say(frame(opcode.text, "masked", { masked: true }));
    await settled();
    assert.equal(client.told[0], "ok");
    assert.deepEqual(client.told[1], ["close", 1011, "a server's frame is masked"]);
    assert.equal(closeOf(written()[0]!)[0], 1002);
  });

  it("goes away with 1001 to both sides", async () => {
    const { client, session, written } = await opened();
    session.goAway();
    await settled();
    assert.deepEqual(client.told, [["close", 1001, ""]]);
    assert.deepEqual(written().map(closeOf), [[1001, ""]]);
  });

  it("is over when it is cut before the client was there", async () => {
    const { backend, session, ends } = open();
    session.cut();
    await settled();
    assert.equal(backend.socket.destroyed, true);
    assert.deepEqual(ends, [undefined]);
  });
});
