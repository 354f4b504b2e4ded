import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSharedPool } from "../../src/sim/store.ts";

const pool = { backends: [], health: {} };
const changed = { b: { status: "unhealthy", streak: 0, since: 0 } } as const;

describe("a simulated store", () => {
  it("shows a write after its delay, and not before the isolate's cache is over", () => {
    const shared = createSharedPool(pool, 1, { delay: { min: 30_000, max: 60_000 }, cache: 10_000 }, () => 0.5);
    assert.equal(shared.seenBy(0, 0), pool);
    shared.write(1000, { health: changed });
    assert.equal(shared.latest().health, changed);
    assert.equal(shared.seenBy(0, 44_000), pool);
    assert.equal(shared.seenBy(0, 53_900), pool, "read 9.9 s ago");
    assert.equal(shared.seenBy(0, 54_000).health, changed);
    assert.equal(shared.seenBy(0, 54_001), shared.seenBy(0, 80_000), "the same object until there is news");
  });

  it("has a delay of its own for each isolate, and never goes back to an older write", () => {
    const draws = [0, 1, 0, 0];
    const shared = createSharedPool(pool, 2, { delay: { min: 0, max: 100 }, cache: 0 }, () => draws.shift()!);
    shared.write(0, { health: changed });
    shared.write(10, { health: {} });
    assert.equal(shared.seenBy(0, 5).health, changed);
    assert.equal(shared.seenBy(1, 5), pool);
    assert.deepEqual(shared.seenBy(1, 10).health, {});
    assert.deepEqual(shared.seenBy(1, 200).health, {});
  });
});
