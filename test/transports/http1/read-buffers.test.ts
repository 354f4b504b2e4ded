import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReadBuffers, type ReadBuffer } from "../../../src/transports/http1/read-buffers.ts";

/** Of connections whose answers are large. */
function createLarge(): () => ReadBuffer {
  const newBuffer = createReadBuffers();
  return () => {
    const buffer = newBuffer();
    buffer.grow();
    return buffer;
  };
}

describe("memory for reads", () => {
  it("is little until a read fills it, and then much", () => {
    const buffer = createReadBuffers()();
    const small = buffer.next().length;
    buffer.grow();
    assert.ok(buffer.next().length >= 8 * small);
    assert.equal(buffer.next(), buffer.next());
  });

  it("is used again at once by a connection of which nothing is needed", () => {
    const buffer = createLarge()();
    assert.equal(buffer.next(), buffer.next());
  });

  it("is another's until all that was lent of it has come back", () => {
    const newBuffer = createLarge();
    const buffer = newBuffer();
    const first = buffer.next();
    const releases = [buffer.lend(), buffer.lend()];
    const second = buffer.next();
    assert.notEqual(second, first);
    releases[0]!();
    assert.ok(![first, second].includes(newBuffer().next()), "part of it is still needed");
    releases[1]!();
    assert.equal(newBuffer().next(), first, "all of it has come back");
  });

  it("stays its connection's where what was lent has come back before the next read", () => {
    const newBuffer = createLarge();
    const buffer = newBuffer();
    const first = buffer.next();
    buffer.lend()();
    assert.equal(buffer.next(), first);
    assert.notEqual(newBuffer().next(), first);
  });

  it("is another's when its connection has ended, and what was lent of it has come back", () => {
    const newBuffer = createLarge();
    const [one, other] = [newBuffer(), newBuffer()];
    const [first, second] = [one.next(), other.next()];
    const release = other.lend();
    one.end();
    other.end();
    assert.equal(newBuffer().next(), first);
    assert.ok(![first, second].includes(newBuffer().next()));
    release();
    assert.equal(newBuffer().next(), second);
  });

  it("that never comes back is no one's", () => {
    const newBuffer = createLarge();
    const seen = new Set<unknown>();
    for (let read = 0; read < 10; read++) {
      const buffer = newBuffer();
      seen.add(buffer.next());
      buffer.lend();
    }
    assert.equal(seen.size, 10);
  });
});
