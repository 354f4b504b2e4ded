import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createClock, tick } from "../../src/sim/clock.ts";
import { createHeap } from "../../src/sim/heap.ts";

describe("the heap", () => {
  it("gives everything back by time, and what is at the same time in the order of coming", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const heap = createHeap<number>();
        times.forEach((at, index) => heap.push(at, index));
        const expected = times.map((at, index) => ({ at, index }))
          .sort((one, other) => one.at - other.at || one.index - other.index)
          .map(({ index }) => index);
        assert.deepEqual(times.map(() => heap.pop()), expected);
        assert.equal(heap.pop(), undefined);
        assert.equal(heap.next(), Number.POSITIVE_INFINITY);
      }),
    );
  });

  it("takes more in between", () => {
    const heap = createHeap<string>();
    heap.push(5, "five");
    heap.push(1, "one");
    assert.equal(heap.pop(), "one");
    heap.push(3, "three");
    assert.equal(heap.next(), 3);
    assert.deepEqual([heap.pop(), heap.pop()], ["three", "five"]);
  });
});

describe("the virtual clock", () => {
  it("jumps from one work to the next, also to what was added meanwhile", () => {
    const clock = createClock();
    const seen: [string, number][] = [];
    clock.at(1000, () => seen.push(["late", clock.now()]));
    clock.at(10, () => {
      seen.push(["early", clock.now()]);
      clock.at(500, () => seen.push(["between", clock.now()]));
    });
    clock.run();
    assert.deepEqual(seen, [["early", 10], ["between", 500], ["late", 1000]]);
  });

  it("knows times so that their sums are exact", () => {
    const step = tick(0.1);
    let sum = 0;
    for (let count = 0; count < 1_000_000; count++) sum += step;
    assert.equal(sum, step * 1_000_000);
    assert.equal(tick(12.34 + 2 ** -48), tick(12.34));
  });
});
