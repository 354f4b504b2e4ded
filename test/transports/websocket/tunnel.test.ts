import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tunnel } from "../../../src/transports/websocket/tunnel.ts";
import { fakeSocket, settled } from "../../support/fake-socket.ts";
import { closeOf, closing, frame, opcode, parseFrames } from "../../support/frames.ts";

const open = (rest: { client?: Uint8Array; backend?: Uint8Array } = {}) => {
  const client = fakeSocket({ allowHalfOpen: true });
  const backend = fakeSocket();
  const ends: [bytes: number, code: string | undefined][] = [];
  const nothing = new Uint8Array();
  const session = tunnel(
    { socket: client.socket, rest: rest.client ?? nothing },
    { socket: backend.socket, rest: rest.backend ?? nothing },
    (bytes, error) => void ends.push([bytes, error?.code]),
  );
  return { client, backend, session, ends };
};

const masked = (code: number, payload: string | Uint8Array = "") => frame(code, payload, { masked: true });

describe("a tunnel", () => {
  it("passes the bytes of both sides on, those first that came with the handshake", async () => {
    const { client, backend } = open({ client: Buffer.from("early "), backend: Buffer.from("first ") });
    client.say(Buffer.from("to the backend"));
    backend.say(Buffer.from("to the client"));
    await settled();
    assert.equal(backend.taken().toString(), "early to the backend");
    assert.equal(client.taken().toString(), "first to the client");
  });

  for (const slow of ["client", "backend"] as const) {
    it(`reads no more than it can give to a ${slow} that takes nothing`, async () => {
      const sides = open();
      const other = slow === "client" ? sides.backend : sides.client;
      sides[slow].stall();
      for (let count = 0; count < 100; count++) other.say(Buffer.alloc(10_000, count));
      await settled();
      assert.ok(sides[slow].socket.writableLength < 100_000, `${sides[slow].socket.writableLength} bytes wait`);
      assert.equal(other.socket.isPaused(), true);
      sides[slow].takeOn();
      await settled();
      assert.equal(sides[slow].taken().length, 1_000_000);
    });
  }

  it("ends the other side when one has ended, after what is on its way", async () => {
    const { client, backend, ends } = open();
    client.stall();
    backend.say(frame(opcode.close, closing(1000)));
    backend.leave();
    await settled();
    assert.equal(client.isEnded(), false);
    client.takeOn();
    await settled();
    assert.equal(client.isEnded(), true);
    assert.deepEqual(ends, []);
    client.say(masked(opcode.close, closing(1000)));
    client.leave();
    await settled();
    assert.deepEqual(closeOf(parseFrames(backend.taken()).frames[0]!), [1000, ""]);
    assert.deepEqual(ends, [[4, undefined]]);
  });

  it("tells who broke off without a close frame", async () => {
    for (const [who, code] of [["client", "client_aborted"], ["backend", "http_response_incomplete"]] as const) {
      const sides = open();
      const other = who === "client" ? sides.backend : sides.client;
      sides[who].break();
      await settled();
      assert.equal(other.isEnded(), true);
      other.leave();
      await settled();
      assert.deepEqual(sides.ends, [[0, code]]);
    }
  });

  it("cuts a side that does not end when the other has, after a while", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { client, backend, ends } = open();
    backend.leave();
    await settled();
    assert.equal(client.socket.destroyed, false);
    t.mock.timers.tick(5_000);
    t.mock.timers.reset();
    await settled();
    assert.equal(client.socket.destroyed, true);
    assert.deepEqual(ends, [[0, "http_response_incomplete"]]);
  });

  it("goes away with a close frame to both, and ends each that answers", async () => {
    const { client, backend, session, ends } = open();
    client.say(masked(opcode.text, "last words"));
    await settled();
    session.goAway();
    await settled();
    const [words, goodbye] = parseFrames(backend.taken()).frames;
    assert.equal(words?.payload.toString(), "last words");
    assert.equal(goodbye?.masked, true);
    assert.deepEqual(closeOf(goodbye!), [1001, ""]);
    const [toClient] = parseFrames(client.taken()).frames;
    assert.equal(toClient?.masked, false);
    assert.deepEqual(closeOf(toClient!), [1001, ""]);

    client.say(masked(opcode.text, "too late"));
    client.say(masked(opcode.close, closing(1001)));
    await settled();
    assert.equal(client.isEnded(), true);
    assert.equal(backend.isEnded(), false);
    backend.say(frame(opcode.close, closing(1001)));
    await settled();
    assert.equal(backend.isEnded(), true);
    client.leave();
    backend.leave();
    await settled();
    assert.equal(parseFrames(backend.taken()).frames.length, 2, "nothing passes after a close frame");
    assert.equal(parseFrames(client.taken()).frames.length, 1);
    assert.deepEqual(ends.map(([, code]) => code), [undefined]);
  });

  it("goes away only where a frame has ended", async () => {
    const { client, backend, session } = open();
    const long = frame(opcode.binary, Buffer.alloc(1000, 7));
    backend.say(long.subarray(0, 300));
    await settled();
    session.goAway();
    await settled();
    assert.equal(client.taken().length, 300);
    backend.say(Buffer.concat([long.subarray(300), frame(opcode.text, "not any more")]));
    await settled();
    const { frames, rest } = parseFrames(client.taken());
    assert.equal(rest.length, 0);
    assert.equal(frames.length, 2);
    assert.equal(frames[0]?.payload.length, 1000);
    assert.deepEqual(closeOf(frames[1]!), [1001, ""]);
  });

  it("adds no close frame to one that has passed, not even to half of one", async () => {
    const { client, backend, session } = open();
    const close = frame(opcode.close, closing(4000, "over"));
    backend.say(close.subarray(0, 3));
    await settled();
    session.goAway();
    backend.say(close.subarray(3));
    await settled();
    const { frames } = parseFrames(client.taken());
    assert.deepEqual(frames.map(closeOf), [[4000, "over"]]);
  });
});
