import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import type { TLSSocket } from "node:tls";
import { watchSession } from "../../src/runtimes/ports/watch-session.ts";

/** A session and its socket as far as they are watched; `answer` answers all PINGs that came so far. */
function watched(idleMs = 75_000) {
  const socket = { bytesRead: 80, destroyed: false, destroy: () => void (socket.destroyed = true) };
  const pings: (() => void)[] = [];
  const session = Object.assign(new EventEmitter(), {
    closed: false,
    destroyed: false,
    close: () => void (session.closed = true),
    destroy: () => void (session.destroyed = true),
    ping: (answered: () => void) => void pings.push(answered),
  });
  watchSession(session as unknown as ServerHttp2Session, socket as unknown as TLSSocket, idleMs);
  const begin = () => {
    const stream = new EventEmitter();
    session.emit("stream", stream);
    return () => stream.emit("close");
  };
  const answer = () => {
    socket.bytesRead += 17;
    for (const answered of pings.splice(0)) answered();
  };
  return { session, socket, pings, begin, answer };
}

describe("a session of HTTP/2", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
  afterEach(() => mock.timers.reset());

  it("is ended, and its socket, when its client says nothing for a minute while it waits", () => {
    const { session, socket, begin } = watched();
    begin();
    mock.timers.tick(59_999);
    assert.equal(session.destroyed, false);
    mock.timers.tick(1);
    assert.deepEqual([session.destroyed, socket.destroyed], [true, true]);
  });

  it("is waited with while its client answers PINGs", () => {
    const { session, pings, begin, answer } = watched();
    begin();
    for (let minutes = 0; minutes < 10; minutes++) {
      mock.timers.tick(50_000);
      assert.equal(pings.length, 1, "one is asked at a time");
      answer();
    }
    assert.equal(session.destroyed, false);
  });

  it("is waited with while its client takes a slow download, and its PING waits behind that", () => {
    const { session, socket, pings, begin } = watched();
    begin();
    for (let minutes = 0; minutes < 10; minutes++) {
      mock.timers.tick(50_000);
      socket.bytesRead += 13; // a WINDOW_UPDATE
    }
    assert.deepEqual([session.destroyed, pings.length], [false, 1]);
  });

  it("is waited with where the runtime does not tell what came", () => {
    const { session, socket, begin } = watched(500_000);
    socket.bytesRead = 0;
    begin();
    mock.timers.tick(400_000);
    assert.equal(session.destroyed, false);
  });

  it("has its minute from the request on, however long it said nothing before", () => {
    const { session, begin } = watched(500_000);
    begin()();
    mock.timers.tick(300_000);
    begin();
    mock.timers.tick(59_999);
    assert.equal(session.destroyed, false);
  });

  it("is closed when no request comes for the idle time, counted from the last answer's end", () => {
    const { session, begin } = watched(30_000);
    mock.timers.tick(29_999);
    const [first, second] = [begin(), begin()];
    mock.timers.tick(50_000);
    first();
    mock.timers.tick(5_000);
    assert.equal(session.closed, false);
    second();
    mock.timers.tick(29_999);
    assert.equal(session.closed, false);
    mock.timers.tick(1);
    assert.equal(session.closed, true);
  });
});
