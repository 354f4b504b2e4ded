import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBackend } from "../../src/sim/backend.ts";
import { createTimeline, type Phase } from "../../src/sim/timeline.ts";

const patience = { connectMs: 3000, responseMs: 30_000 };

/** Takes exactly 10 ms for a request. */
function backendWith(
  more: Partial<Parameters<typeof createBackend>[1]> = {},
  phases: readonly Phase[] = [],
  tells = true,
) {
  const group = { service: 10, workers: 1, queue: 2, warmUp: undefined, ...more };
  const backend = createBackend("b", group, createTimeline(phases), () => 0.5, tells);
  /** When a try at `now` ends and how: a status or an error's code. */
  const take = (now: number): [number, number | string] => {
    const { at, status, error } = backend.take(now, patience);
    return [at, status ?? error!.code];
  };
  return { ...backend, take };
}

const during = (as: NonNullable<Phase["failing"]>["as"], percent = 100): Phase[] => [
  { from: 100, to: 200, failing: { as, percent } },
];

describe("a simulated backend", () => {
  it("serves as many at a time as it has workers, and lets the others wait in order", () => {
    const { take } = backendWith();
    assert.deepEqual([take(0), take(0), take(5)], [[10, 200], [20, 200], [30, 200]]);
    assert.deepEqual(take(40), [50, 200]);
  });

  it("answers 503 at once when its queue is full, and takes more when somebody has begun", () => {
    const { take } = backendWith();
    assert.deepEqual([0, 0, 0, 0].map((now) => take(now)[1]), [200, 200, 200, 503]);
    assert.deepEqual([take(10), take(10)], [[40, 200], [11, 503]]);
  });

  it("without a number of workers takes all that come", () => {
    const { take } = backendWith({ workers: 0 });
    assert.deepEqual(Array.from({ length: 200 }, () => take(0)), Array.from({ length: 200 }, () => [10, 200]));
  });

  const failing = [
    { as: "refuse", ends: [151, "connection_refused"] },
    { as: "unreachable", ends: [3150, "connection_timeout"] },
    { as: "hang", ends: [30_150, "http_response_timeout"] },
    { as: "503", ends: [151, 503] },
    { as: "500", ends: [151, 500] },
  ] as const;
  for (const { as, ends } of failing) {
    it(`fails by "${as}" for as long as it should`, () => {
      const { take } = backendWith({}, during(as));
      assert.deepEqual([take(50)[1], take(150), take(200)[1]], [200, ends, 200]);
    });
  }

  it("fails only for the part of the requests that is said", () => {
    assert.equal(backendWith({}, during("503", 51)).take(150)[1], 503);
    assert.equal(backendWith({}, during("503", 50)).take(150)[1], 200);
  });

  it("breaks off what it does when its process ends, and starts fresh", () => {
    const { take } = backendWith({ queue: 20 }, during("refuse"));
    const broken = Array.from({ length: 15 }, () => take(95));
    assert.deepEqual(broken, broken.map(() => [100, "connection_terminated"]));
    assert.deepEqual(take(200), [210, 200]);
  });

  it("where failures cannot be told apart, a refused connection looks like a broken one", () => {
    assert.equal(backendWith({}, during("refuse"), false).take(150)[1], "connection_terminated");
    assert.equal(backendWith({}, during("unreachable"), false).take(150)[1], "http_response_timeout");
  });

  it("gives an answer up that takes longer than is waited for", () => {
    assert.deepEqual(backendWith({ service: 40_000 }).take(0), [30_000, "http_response_timeout"]);
  });

  it("is slower by all factors of the moment", () => {
    const { take } = backendWith({ workers: 0 }, [{ from: 0, to: 100, factor: 2 }, { from: 50, to: 100, factor: 3 }]);
    assert.deepEqual([take(0)[0], take(50)[0], take(100)[0]], [20, 110, 110]);
  });

  it("is slow after it was away, and less and less", () => {
    const { take } = backendWith({ workers: 0, warmUp: { time: 100, factor: 11 } }, during("refuse"));
    assert.deepEqual([take(0)[0], take(200)[0], take(250)[0], take(300)[0]], [10, 310, 310, 310]);
  });

  const checks = [
    { as: "refuse", http: [false, 151], tcp: [false, 151] },
    { as: "unreachable", http: [false, 2150], tcp: [false, 2150] },
    { as: "hang", http: [false, 2150], tcp: [true, 151] },
    { as: "503", http: [false, 151], tcp: [true, 151] },
  ] as const;
  for (const { as, ...expected } of checks) {
    it(`is found by a check when it fails by "${as}"; connecting alone says less`, () => {
      for (const kind of ["http", "tcp"] as const) {
        const { passed, at } = backendWith({}, during(as)).probe(150, kind, 2000);
        assert.deepEqual([passed, at], expected[kind], kind);
      }
    });
  }
});

describe("a timeline", () => {
  it("knows breaks and returns", () => {
    const timeline = createTimeline([...during("refuse"), ...during("503").map((phase) => ({ ...phase, from: 0 }))]);
    assert.deepEqual([timeline.nextBreak(0), timeline.lastReturn(0)], [100, Number.NEGATIVE_INFINITY]);
    assert.deepEqual([timeline.nextBreak(150), timeline.lastReturn(150)], [Infinity, Number.NEGATIVE_INFINITY]);
    assert.deepEqual([timeline.lastReturn(199), timeline.lastReturn(200)], [Number.NEGATIVE_INFINITY, 200]);
  });
});
