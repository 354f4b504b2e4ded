import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createSlots, type Slots, type Waiting } from "../../src/core/slots.ts";

function waiting(slots: Slots): Waiting {
  const place = slots.take();
  assert.ok(typeof place === "object", String(place));
  return place;
}

/** What each of them is told, as soon as all are. */
const told = (...places: readonly Waiting[]) => Promise.all(places.map(({ taken }) => taken));

describe("places", () => {
  it("are given at once up to the limit, then some wait, and the rest is refused", () => {
    const slots = createSlots({ maxRequests: 2, maxPending: 1 });
    assert.deepEqual([slots.take(), slots.take()], ["taken", "taken"]);
    waiting(slots);
    assert.equal(slots.take(), "full");
  });

  it("are not waited for where nobody may", () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 0 });
    assert.deepEqual([slots.take(), slots.take()], ["taken", "full"]);
    slots.leave();
    assert.equal(slots.take(), "taken");
  });

  it("go to those who wait in the order of asking, and not to who comes later", async () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 3 });
    slots.take();
    const order: number[] = [];
    const places = [0, 1, 2].map((number) => {
      const place = waiting(slots);
      const seen = place.taken.then((isTaken) => isTaken && order.push(number));
      return { place, seen };
    });
    for (const { seen } of places) {
      slots.leave();
      assert.equal(slots.take() === "taken", false);
      await seen;
    }
    assert.deepEqual(order, [0, 1, 2]);
  });

  it("are given up by who waits no longer, and somebody else may wait", async () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 1 });
    slots.take();
    const first = waiting(slots);
    assert.equal(slots.take(), "full");
    first.giveUp();
    first.giveUp();
    const second = waiting(slots);
    slots.leave();
    assert.deepEqual(await told(first, second), [false, true]);
    slots.leave();
    assert.equal(slots.take(), "taken");
    assert.equal(typeof slots.take(), "object");
  });

  it("that were handed over to somebody who gives up at that moment go to the next", async () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 3 });
    slots.take();
    const [first, second, third] = [waiting(slots), waiting(slots), waiting(slots)];
    slots.leave();
    first.giveUp();
    second.giveUp();
    first.giveUp();
    assert.deepEqual(await told(first, second, third), [false, false, true]);
    assert.equal(typeof slots.take(), "object");
  });

  it("that were handed over to somebody who gives up at that moment are free where nobody waits", async () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 1 });
    slots.take();
    const place = waiting(slots);
    slots.leave();
    place.giveUp();
    assert.equal(slots.take(), "taken");
    assert.deepEqual(await told(place), [false]);
    assert.equal(typeof slots.take(), "object");
  });

  it("that somebody has learned of are left once, whoever gives up after that", async () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 1 });
    slots.take();
    const place = waiting(slots);
    slots.leave();
    assert.deepEqual(await told(place), [true]);
    place.giveUp();
    const next = waiting(slots);
    slots.leave();
    assert.deepEqual(await told(next), [true]);
  });

  it("are not more than there are because somebody left too often", () => {
    const slots = createSlots({ maxRequests: 1, maxPending: 0 });
    slots.leave();
    assert.deepEqual([slots.take(), slots.take()], ["taken", "full"]);
  });
});

describe("whatever clients do", () => {
  it("no more places are taken than there are, no more wait than may, and none is lost", async () => {
    const rule = fc.record({ maxRequests: fc.integer({ min: 1, max: 4 }), maxPending: fc.nat(4) });
    // Between two steps nothing, some microtasks, or all of them pass: a client may give up at any moment.
    const step = fc.record({
      what: fc.constantFrom("take", "take", "leave", "giveUp", "leave and giveUp"),
      which: fc.nat(20),
      microtasks: fc.integer({ min: 0, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(rule, fc.array(step, { maxLength: 60 }), async (limits, steps) => {
        const slots = createSlots(limits);
        let held = 0;
        const open: Waiting[] = [];
        let undecided = 0;
        const learn = async ({ taken }: Waiting) => {
          const isTaken = await taken;
          undecided--;
          if (isTaken) held++;
        };
        const take = () => {
          const place = slots.take();
          if (place === "taken") held++;
          if (typeof place !== "object") return;
          open.push(place);
          undecided++;
          learn(place);
        };
        for (const { what, which, microtasks } of steps) {
          if (what === "take") take();
          if (what.startsWith("leave") && held > 0) {
            held--;
            slots.leave();
          }
          if (what.endsWith("giveUp") && open.length > 0) open[which % open.length]!.giveUp();
          for (let turn = 0; turn < microtasks; turn++) await undefined;
          assert.ok(held <= limits.maxRequests, `${held} held`);
          assert.ok(undecided <= limits.maxPending + limits.maxRequests);
        }
        for (const place of open) place.giveUp();
        await told(...open);
        assert.equal(undecided, 0);
        for (; held > 0; held--) slots.leave();
        const free = Array.from({ length: limits.maxRequests }, () => slots.take());
        assert.ok(free.every((place) => place === "taken"));
        assert.notEqual(slots.take(), "taken");
      }),
      { numRuns: 500 },
    );
  });
});
