import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createFlow, type Flow, type Sink, type Source, streamOf } from "../../../src/transports/http1/flow.ts";

const kibibyte = 1024;

/** A flow whose two sides are seen. */
interface Rig {
  readonly flow: Flow & Source;
  /** Bytes as the sink took them. */
  taken(): string;
  /** Whether the socket is held back. */
  isHeld(): boolean;
  cancelled(): number;
  /** How it ended, as often as it did. */
  readonly endings: readonly unknown[];
  start(): void;
  /** How many chunks the sink takes before it wants no more for now. */
  setRoom(chunks: number): void;
}

function createRig(): Rig {
  let held = false;
  let cancelled = 0;
  let taken = "";
  let room = Number.POSITIVE_INFINITY;
  const endings: unknown[] = [];
  const flow = createFlow((back) => (held = back), () => void (cancelled += 1));
  const sink: Sink = {
    data(bytes) {
      assert.ok(room > 0, "a chunk came though the last one was too much");
      taken += Buffer.from(bytes).toString();
      room -= 1;
      return room > 0;
    },
    end: (trailers) => void endings.push(trailers),
    fail: (error) => void endings.push(error),
  };
  return {
    flow,
    taken: () => taken,
    isHeld: () => held,
    cancelled: () => cancelled,
    endings,
    start: () => flow.start(sink),
    setRoom: (chunks) => void (room = chunks),
  };
}

type Step = "data" | "start" | "resume";

const steps = fc.array(fc.tuple(fc.constantFrom<Step>("data", "data", "resume"), fc.integer({ min: 1, max: 3 })), {
  maxLength: 40,
});

describe("a flow", () => {
  it("gives every byte in its order, as much at a time as the sink takes, and its end last and once", () => {
    const endings = fc.constantFrom<"end" | "fail">("end", "fail");
    fc.assert(
      fc.property(steps, fc.nat(40), fc.nat(40), endings, (steps, startsAt, endsAt, ending) => {
        const rig = createRig();
        rig.setRoom(1);
        let sent = "";
        let started = false;
        let ended = false;
        for (const [index, [step, room]] of steps.entries()) {
          if (index === startsAt) {
            started = true;
            rig.start();
          }
          if (index === endsAt) {
            ended = true;
            if (ending === "end") rig.flow.end([]);
            else rig.flow.fail(new Error("broken"));
          }
          if (step === "data" && !ended) {
            const bytes = String.fromCharCode(97 + (index % 26));
            sent += bytes;
            rig.flow.data(Buffer.from(bytes));
          }
          if (step === "resume" && started) {
            rig.setRoom(room);
            rig.flow.resume();
          }
          assert.ok(sent.startsWith(rig.taken()), "in order");
          assert.ok(rig.endings.length === 0 || rig.taken() === sent, "the end comes last");
        }
        rig.setRoom(Number.POSITIVE_INFINITY);
        if (!started) rig.start();
        if (!ended) rig.flow.end([]);
        rig.flow.resume();
        assert.equal(rig.taken(), sent);
        assert.equal(rig.endings.length, 1, "one end");
      }),
      { numRuns: 2000 },
    );
  });

  it("lets 64 KiB wait for a sink and then holds the socket back until there is one", () => {
    const rig = createRig();
    rig.flow.data(Buffer.alloc(64 * kibibyte - 1));
    assert.equal(rig.isHeld(), false);
    rig.flow.data(Buffer.alloc(1));
    assert.equal(rig.isHeld(), true);
    rig.start();
    assert.deepEqual([rig.isHeld(), rig.taken().length], [false, 64 * kibibyte]);
  });

  it("holds the socket back while the sink takes no more", () => {
    const rig = createRig();
    rig.start();
    rig.setRoom(1);
    rig.flow.data(Buffer.from("a"));
    assert.equal(rig.isHeld(), true);
    rig.flow.data(Buffer.from("b")); // what was on its way already
    assert.deepEqual([rig.taken(), rig.isHeld()], ["a", true]);
    rig.setRoom(1);
    rig.flow.resume();
    assert.deepEqual([rig.taken(), rig.isHeld()], ["ab", true]);
    rig.setRoom(2);
    rig.flow.resume();
    assert.equal(rig.isHeld(), false);
  });

  it("holds the socket back where a sink takes less than what has waited for it", () => {
    const rig = createRig();
    for (const text of ["a", "b"]) rig.flow.data(Buffer.from(text));
    rig.setRoom(1);
    rig.start();
    assert.equal(rig.taken(), "a");
    rig.flow.data(Buffer.from("c"));
    assert.equal(rig.isHeld(), true);
  });

  it("gives what came before a break to the client all the same", () => {
    const rig = createRig();
    const broken = new Error("broken");
    rig.flow.data(Buffer.from("half"));
    rig.flow.fail(broken);
    assert.deepEqual(rig.endings, []);
    rig.start();
    assert.deepEqual([rig.taken(), ...rig.endings], ["half", broken]);
  });

  it("tells the trailers", () => {
    const rig = createRig();
    rig.start();
    rig.flow.end(["X-Sum", "1"]);
    assert.deepEqual(rig.endings, [["X-Sum", "1"]]);
  });

  it("gives nobody anything once it is cancelled", () => {
    const rig = createRig();
    rig.start();
    rig.flow.cancel();
    assert.equal(rig.cancelled(), 1);
    rig.flow.data(Buffer.from("late"));
    rig.flow.end([]);
    assert.deepEqual([rig.taken(), rig.endings], ["", []]);
  });
});

describe("a flow as a stream", () => {
  it("holds the socket back when as much as may wait is waiting, and goes on when it is read", async () => {
    let held = false;
    const flow = createFlow((back) => (held = back), () => {});
    const reader = streamOf(flow, 10).getReader();
    const first = reader.read();
    await Promise.resolve(); // a stream asks for more in a microtask
    flow.data(Buffer.alloc(9));
    assert.equal((await first).value?.byteLength, 9);
    assert.equal(held, false);
    flow.data(Buffer.alloc(10));
    assert.equal(held, true);
    assert.equal((await reader.read()).value?.byteLength, 10);
    const last = reader.read();
    await Promise.resolve();
    assert.equal(held, false);
    flow.data(Buffer.alloc(1));
    flow.end([]);
    assert.equal((await last).value?.byteLength, 1);
    assert.equal((await reader.read()).done, true);
  });

  it("breaks as the flow breaks, and cancels it when nobody wants it any more", async () => {
    let cancelled = 0;
    const broken = createFlow(() => {}, () => {});
    const reader = streamOf(broken, 10).getReader();
    broken.fail(new Error("broken off"));
    await assert.rejects(reader.read(), /broken off/);
    await streamOf(createFlow(() => {}, () => void (cancelled += 1)), 10).cancel();
    assert.equal(cancelled, 1);
  });
});
