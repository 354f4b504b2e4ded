import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBalancer } from "../../src/core/balancer.ts";
import type { PoolConfig } from "../../src/core/config.ts";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { policies } from "../../src/core/policies/index.ts";
import type { Backend } from "../../src/core/pool.ts";
import { createHedging, type Hedging } from "../../src/core/hedging.ts";
import type { Incoming, Random, RequestBody, Transport } from "../../src/core/ports.ts";
import { createBody } from "../../src/proxy/body.ts";
import { forwardWithRetries } from "../../src/proxy/retry.ts";
import { seededRandom, weighted } from "../support/arbitraries.ts";
import { parse, web } from "../support/config.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { scriptedTransport, type Step } from "../support/scripted-backend.ts";

interface Play {
  readonly script?: Readonly<Record<string, readonly Step[]>>;
  readonly method?: string;
  readonly body?: RequestBody;
  readonly retry?: Record<string, unknown>;
  readonly timeouts?: Record<string, unknown>;
  readonly backends?: readonly Backend[];
  /** Who is eligible as further tries are picked. */
  readonly later?: readonly Backend[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly hedging?: false | Record<string, unknown>;
  /** In the place of what `hedging` makes. */
  readonly hedges?: Hedging;
  readonly random?: Random;
  readonly budget?: () => (() => void) | undefined;
  readonly onAbort?: Incoming["onAbort"];
  readonly onInterim?: Incoming["onInterim"];
  readonly clock?: FakeClock;
  /** The id of a session's backend. */
  readonly wanted?: string;
  /** In the place of the script. */
  readonly transport?: Transport;
}

const errorCode = (error: unknown) => (error instanceof ProxyError ? error.code : error);

/** Plays one request against scripted backends and tells everything that came of it. */
async function play(
  {
    script = {},
    method = "GET",
    headers = {},
    body,
    retry = {},
    timeouts = {},
    hedging = false,
    hedges,
    backends = weighted(1, 1, 1),
    later,
    random = () => 0, // no wait before a further try
    budget = () => () => {},
    onAbort = () => () => {},
    onInterim,
    clock = createFakeClock(),
    transport,
    wanted,
  }: Play,
) {
  const config = parse(web({ retry, timeouts, hedging })).pools["web"] as PoolConfig;
  const balancer = createBalancer(
    () => policies["round-robin"]({ start: "first" }),
    { ...config, drainMs: 0 },
    { random: seededRandom(1), now: clock.now, tell: () => {} },
  );
  const scripted = scriptedTransport(script, clock);
  const failures: string[] = [];
  const picks: Backend[] = [];
  const ends: (readonly [bytes: number | undefined, error: unknown])[] = [];
  let asked = 0;
  const incoming = { method, headers: new Headers(headers), body, onAbort, onInterim };
  const result = await forwardWithRetries(
    {
      incoming,
      peer: { protocol: "http1", tls: undefined },
      target: "/",
      host: undefined,
      headers: { drop: new Set(), set: [] },
    },
    {
      config,
      balancer,
      clock,
      transport: transport ?? scripted.transport,
      pool: () => ({ backends: asked++ === 0 ? backends : (later ?? backends), health: {} }),
      ask: { key: () => "", wanted },
      startedAt: clock.now(),
      budget,
      hedging: hedges ?? (config.hedging === false ? undefined : createHedging(config.hedging)),
      random,
      onPick: (backend) => picks.push(backend),
      onFailure: ({ id }, { code }) => failures.push(`${id} ${code}`),
    },
    (bytes, error) => ends.push([bytes, errorCode(error)]),
  ).then(
    ({ response, backend }) => ({ response, backend, tries: picks.length, error: undefined }),
    (error: unknown) => ({ response: undefined, backend: undefined, tries: undefined, error: errorCode(error) }),
  );
  return { ...result, order: scripted.order(), sent: scripted.tries, failures, ends, balancer };
}

/** A body of so many bytes, of which 64 KiB are kept. */
function bodyOf(bytes: number): RequestBody {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let left = bytes; left > 0; left -= 1024) {
        controller.enqueue(new TextEncoder().encode("x".repeat(Math.min(left, 1024))));
      }
      controller.close();
    },
  });
  return createBody(source, bytes, { keepBytes: 65_536, maxBytes: undefined });
}

describe("what is tried on another backend", () => {
  const refused: Step = { fails: "connection_refused" };
  const reset: Step = { fails: "connection_terminated" };
  const cases: { name: string; play: Play; order: string; ends: number | ErrorCode }[] = [
    { name: "nothing that was answered", play: { script: { a: [{ answers: 200 }] } }, order: "a", ends: 200 },
    { name: "nothing that was answered with 500", play: { script: { a: [{ answers: 500 }] } }, order: "a", ends: 500 },
    { name: "nothing that was answered with 404", play: { script: { a: [{ answers: 404 }] } }, order: "a", ends: 404 },
    ...[502, 503, 504].map((answers) => ({
      name: `a GET answered with ${answers}`,
      play: { script: { a: [{ answers }] } },
      order: "a b",
      ends: 200,
    })),
    ...["HEAD", "OPTIONS"].map((method) => ({
      name: `a ${method} answered with 503`,
      play: { method, script: { a: [{ answers: 503 }] } },
      order: "a b",
      ends: 200,
    })),
    ...["POST", "PUT", "DELETE", "PATCH"].map((method) => ({
      name: `no ${method} answered with 503`,
      play: { method, script: { a: [{ answers: 503 }] } },
      order: "a",
      ends: 503,
    })),
    {
      name: "a POST that may be, answered with 503",
      play: { method: "POST", retry: { methods: ["POST"] }, script: { a: [{ answers: 503 }] } },
      order: "a b",
      ends: 200,
    },
    {
      name: "no GET that may not be, answered with 503",
      play: { retry: { methods: ["POST"] }, script: { a: [{ answers: 503 }] } },
      order: "a",
      ends: 503,
    },
    {
      name: "no 503 when only 502 is named",
      play: { retry: { on: ["502"] }, script: { a: [{ answers: 503 }] } },
      order: "a",
      ends: 503,
    },
    ...(["connection_refused", "dns_error", "destination_ip_unroutable", "tls_error", "connection_timeout"] as const)
      .flatMap((fails) => [
        { name: `a GET after ${fails}`, play: { script: { a: [{ fails }] } }, order: "a b", ends: 200 },
        {
          name: `a POST after ${fails}, when nothing was sent`,
          play: { method: "POST", script: { a: [{ fails }] } },
          order: "a b",
          ends: 200,
        },
        {
          name: `nothing after ${fails} when it is not named`,
          play: { retry: { on: ["reset"] }, script: { a: [{ fails }] } },
          order: "a",
          ends: fails,
        },
      ]),
    { name: "a GET after a reset", play: { script: { a: [reset] } }, order: "a b", ends: 200 },
    {
      name: "no POST after a reset",
      play: { method: "POST", script: { a: [reset] } },
      order: "a",
      ends: "connection_terminated",
    },
    {
      name: "no GET after a timeout of the response",
      play: { script: { a: [{ fails: "http_response_timeout" }] } },
      order: "a",
      ends: "http_response_timeout",
    },
    {
      name: "a GET after a timeout of the response when it is named",
      play: { retry: { on: ["timeout"] }, script: { a: [{ fails: "http_response_timeout" }] } },
      order: "a b",
      ends: 200,
    },
    {
      name: "no POST after a timeout of the response although it is named",
      play: { method: "POST", retry: { on: ["timeout"] }, script: { a: [{ fails: "http_response_timeout" }] } },
      order: "a",
      ends: "http_response_timeout",
    },
    ...(["http_protocol_error", "http_response_incomplete"] as const).map((fails) => ({
      name: `no GET after ${fails}`,
      play: { script: { a: [{ fails }] } },
      order: "a",
      ends: fails,
    })),
    {
      name: "a POST with a body of which nothing was read, however long it is",
      play: { method: "POST", body: bodyOf(1_000_000), script: { a: [refused] } },
      order: "a b",
      ends: 200,
    },
    {
      name: "an OPTIONS with a body that was read and is kept",
      play: { method: "OPTIONS", body: bodyOf(65_536), script: { a: [{ answers: 503, reads: "all" }] } },
      order: "a b",
      ends: 200,
    },
    {
      name: "no OPTIONS with a body that was read and is not kept",
      play: { method: "OPTIONS", body: bodyOf(65_537), script: { a: [{ answers: 503, reads: "all" }] } },
      order: "a",
      ends: 503,
    },
    {
      name: "no POST with a body of which too much was read, although it was refused",
      play: { method: "POST", body: bodyOf(100_000), script: { a: [{ ...refused, reads: "all" }] } },
      order: "a",
      ends: "connection_refused",
    },
    {
      name: "nothing when no further tries are wanted",
      play: { retry: { attempts: 0 }, script: { a: [refused] } },
      order: "a",
      ends: "connection_refused",
    },
    {
      name: "as often as is wanted",
      play: { retry: { attempts: 2 }, script: { a: [refused], b: [{ answers: 503 }], c: [{ answers: 200 }] } },
      order: "a b c",
      ends: 200,
    },
    {
      name: "once by default",
      play: { script: { a: [refused], b: [refused] } },
      order: "a b",
      ends: "connection_refused",
    },
    {
      name: "each backend once, though more tries are wanted",
      play: { retry: { attempts: 100 }, script: { a: [refused], b: [refused], c: [refused] } },
      order: "a b c",
      ends: "connection_refused",
    },
    {
      name: "nothing when there is no other backend",
      play: { backends: weighted(1), script: { a: [{ answers: 503 }] } },
      order: "a",
      ends: 503,
    },
    {
      name: "nothing when all others went out meanwhile",
      play: { later: [], script: { a: [{ answers: 503 }] } },
      order: "a",
      ends: 503,
    },
    {
      name: "only who is still eligible",
      play: { later: weighted(1, 1, 1).slice(2), script: { a: [refused] } },
      order: "a c",
      ends: 200,
    },
  ];
  for (const { name, play: played, order, ends } of cases) {
    it(`${name}: ${order}, ${ends}`, async () => {
      const { order: was, response, error, balancer } = await play(played);
      assert.equal(was, order);
      assert.equal(response?.status ?? error, ends);
      await response?.text();
      assert.equal(balancer.inFlight(), 0);
    });
  }

  it("the same body goes to each", async () => {
    const reads: Step = { fails: "connection_refused", reads: "all" };
    const { sent } = await play({
      method: "PUT",
      body: bodyOf(3_000),
      retry: { attempts: 2 },
      script: { a: [reads], b: [{ ...reads, reads: 1 }], c: [{ reads: "all" }] },
    });
    assert.deepEqual(sent.map(({ body }) => body.length), [3_000, 1_024, 3_000]);
  });
});

describe("an answer after several tries", () => {
  it("is the last one as it came, and earlier bodies are cancelled", async () => {
    const down: Step = { answers: 503 };
    const { response, backend, tries, sent, ends } = await play({
      retry: { attempts: 2 },
      script: { a: [down], b: [{ answers: 502 }], c: [down] },
    });
    assert.deepEqual([backend?.id, tries, response?.status, response?.headers.get("x-from")], ["c", 3, 503, "c"]);
    assert.deepEqual(sent.map(({ cancelled }) => cancelled), [true, true, false]);
    assert.deepEqual(ends, []);
    assert.equal(await response?.text(), "503 from c");
    assert.deepEqual(ends, [[10, undefined]]);
  });

  it("is the last failure when the last one failed", async () => {
    const { error, ends } = await play({ script: { a: [{ answers: 503 }], b: [{ fails: "connection_refused" }] } });
    assert.equal(error, "connection_refused");
    assert.deepEqual(ends, []);
  });

  it("tells its end once, also when the end came with the head", async () => {
    const { response, ends, balancer } = await play({
      script: { a: [{ answers: 503, endsWithHead: true }], b: [{ endsWithHead: true }] },
    });
    assert.deepEqual(ends, [[undefined, undefined]]);
    assert.equal(balancer.inFlight(), 0);
    await response?.text();
    assert.equal(ends.length, 1);
  });
});

describe("what is in flight", () => {
  it("is the backend of the answer, until its body ends", async () => {
    const { response, balancer } = await play({ script: { a: [{ answers: 503 }] } });
    assert.deepEqual(["a", "b"].map((id) => balancer.inFlight(id)), [0, 1]);
    await response?.text();
    assert.equal(balancer.inFlight(), 0);
  });

  it("ends when the client cancels the answer", async () => {
    const { response, balancer, ends } = await play({});
    await response?.body?.cancel();
    assert.equal(balancer.inFlight(), 0);
    assert.deepEqual(ends, [[0, "client_aborted"]]);
  });

  it("ends when a transport throws what it should not", async () => {
    const odd = new TypeError("odd");
    const { error, balancer, order } = await play({ script: { a: [{ throws: odd }] } });
    assert.equal(error, odd);
    assert.equal(order, "a");
    assert.equal(balancer.inFlight(), 0);
  });
});

describe("a failure", () => {
  it("is told with its backend, each one", async () => {
    const { failures } = await play({
      retry: { attempts: 2 },
      script: { a: [{ fails: "connection_refused" }], b: [{ answers: 503 }], c: [{ fails: "dns_error" }] },
    });
    assert.deepEqual(failures, ["a connection_refused", "c dns_error"]);
  });

  it("is destination_unavailable only when there was nobody to try", async () => {
    const { error, sent } = await play({ backends: [] });
    assert.equal(error, "destination_unavailable");
    assert.deepEqual(sent, []);
  });

  it("of a client that left is none of the backend, and nobody else is tried", async () => {
    const { error, order, failures, balancer } = await play({
      retry: { attempts: 2 },
      script: { a: [{ fails: "client_aborted" }] },
    });
    assert.deepEqual([error, order, failures, balancer.inFlight()], ["client_aborted", "a", [], 0]);
  });

  for (const failure of ["client_aborted", "body_too_large"] as const) {
    it(`of the client's body (${failure}) is none of the backend, however the exchange broke`, async () => {
      const body: RequestBody = {
        length: 3,
        replayable: true,
        failure: new ProxyError(failure),
        open: () => new ReadableStream(),
      };
      const { error, order, failures, balancer } = await play({
        method: "OPTIONS",
        body,
        script: { a: [{ fails: "connection_terminated" }] },
      });
      assert.deepEqual([error, order, failures, balancer.inFlight()], [failure, "a", [], 0]);
    });
  }
});

describe("time", () => {
  const timeouts = { connect: 3_000, response: 30_000, request: 10_000, idle: 7 };

  it("is given to a try as configured, but never more than is left of the whole", async () => {
    const { sent } = await play({ timeouts, script: { a: [{ answers: 503, takes: 8_000 }] } });
    assert.deepEqual(sent.map(({ outgoing }) => outgoing.deadlines), [
      { connectMs: 3_000, responseMs: 10_000, sendMs: 10_000, idleMs: 7 },
      { connectMs: 2_000, responseMs: 2_000, sendMs: 2_000, idleMs: 7 },
    ]);
  });

  it("is not given to another try when none is left", async () => {
    const { order, response } = await play({ timeouts, script: { a: [{ answers: 503, takes: 10_000 }] } });
    assert.equal(order, "a");
    assert.equal(response?.status, 503);
  });

  it("is not given anew to a fresh connection after a stale one", async () => {
    const stale: Step = { fails: "connection_terminated", reused: true, takes: 9_000 };
    const { sent } = await play({ timeouts, script: { a: [stale, {}] } });
    assert.deepEqual(sent.map(({ outgoing }) => outgoing.deadlines.responseMs), [10_000, 1_000]);
  });

  it("does not make a further try of a stale connection's second", async () => {
    const stale: Step = { fails: "connection_terminated", reused: true };
    const { order, failures } = await play({ script: { a: [stale, stale], b: [{}] } });
    assert.equal(order, "a a b");
    assert.deepEqual(failures, ["a connection_terminated"]);
  });
});

describe("a further try", () => {
  const down: Step = { answers: 503 };

  it("waits by chance, longer before each, and not at all after a connect-failure", async () => {
    const clock = createFakeClock();
    const startedAt = clock.now();
    const played = play({
      clock,
      random: () => 0.5,
      retry: { attempts: 3, backoff: { base: "20ms", max: "30ms" } },
      backends: weighted(1, 1, 1, 1),
      script: { a: [down], b: [down], c: [{ fails: "connection_refused" }] },
    });
    await clock.advance(9);
    assert.equal(clock.sleepers(), 1, "10 ms before the second");
    await clock.advance(1);
    await clock.advance(15);
    const { order, response } = await played;
    assert.deepEqual([order, response?.status, clock.now() - startedAt], ["a b c d", 200, 25]);
    assert.equal(clock.sleepers(), 0);
  });

  it("waits no longer than its client does", async () => {
    let leave = () => {};
    const clock = createFakeClock();
    const played = play({
      clock,
      random: () => 0.99,
      script: { a: [down], b: [{ fails: "client_aborted" }] },
      onAbort: (listener) => {
        leave = listener;
        return () => {};
      },
    });
    await clock.advance(0);
    leave();
    assert.equal((await played).error, "client_aborted");
  });

  it("is not made where the wait would be longer than the time that is left", async () => {
    const { order } = await play({ random: () => 0.9, timeouts: { request: 20 }, script: { a: [down] } });
    assert.equal(order, "a");
  });

  it("is not made where the budget has no place, and leaves its place when it is over", async () => {
    assert.equal((await play({ budget: () => undefined, script: { a: [down] } })).order, "a");
    let [taken, left] = [0, 0];
    const budget = () => {
      taken++;
      return () => void left++;
    };
    const { order, response } = await play({ budget, retry: { attempts: 2 }, script: { a: [down], b: [down] } });
    assert.deepEqual([order, taken, left], ["a b c", 2, 1], "until its answer has ended");
    await response?.text();
    assert.deepEqual([taken, left], [2, 2]);
    await play({ budget, script: { a: [down], b: [{ throws: new TypeError("odd") }] } });
    assert.deepEqual([taken, left], [3, 3]);
    await play({ budget, later: [], script: { a: [down] } });
    assert.deepEqual([taken, left], [4, 4], "also where there is nobody to try");
  });

  it("is made of a POST that has an Idempotency-Key", async () => {
    const { order } = await play({ method: "POST", headers: { "idempotency-key": "1" }, script: { a: [down] } });
    assert.equal(order, "a b");
  });
});

describe("hedging", () => {
  const hedging = { delay: "100ms", maxPercent: 100 };

  /** A transport's try that answers when it is told to, and knows when it was given up. */
  function createSlow() {
    const answers = new Map<string, (status: number) => void>();
    const givenUp: string[] = [];
    const transport: Transport = (incoming, { backend: { id }, onEnd }) =>
      new Promise((resolve, reject) => {
        incoming.onAbort(() => {
          givenUp.push(id);
          reject(new ProxyError("client_aborted"));
        });
        answers.set(id, (status) => {
          if (status === 0) return reject(new ProxyError("connection_terminated"));
          onEnd(0);
          resolve(new Response(null, { status, headers: { "x-from": id } }));
        });
      });
    return { transport, answers, givenUp };
  }

  it("asks a second backend when the first is slow; the first answer wins, the other is given up and judged not at all", async () => {
    const clock = createFakeClock();
    const { transport, answers, givenUp } = createSlow();
    const played = play({ clock, hedging, transport });
    await clock.advance(99);
    assert.deepEqual([...answers.keys()], ["a"]);
    await clock.advance(1);
    assert.deepEqual([...answers.keys()], ["a", "b"]);
    answers.get("b")!(200);
    const { response, backend, failures, balancer, ends } = await played;
    assert.deepEqual([response?.status, backend?.id, failures, givenUp], [200, "b", [], ["a"]]);
    assert.deepEqual([balancer.inFlight(), ends.length, clock.sleepers()], [0, 1, 0]);
  });

  it("waits for the other where one fails, and is a failure only where both are", async () => {
    for (const [first, second, expected] of [["a", "b", 200], ["b", "a", 200]] as const) {
      const clock = createFakeClock();
      const { transport, answers } = createSlow();
      const played = play({ clock, hedging, transport });
      await clock.advance(100);
      answers.get(first)!(0);
      await clock.advance(0);
      answers.get(second)!(200);
      const { response, balancer } = await played;
      assert.deepEqual([response?.status, balancer.inFlight()], [expected, 0]);
    }
  });

  it("takes no failure for an answer while the other may have a better one, and any answer before none", async () => {
    for (const [first, second, ends, by] of [[503, 200, 200, "a"], [503, 0, 503, "b"], [0, 503, 503, "a"]] as const) {
      const clock = createFakeClock();
      const { transport, answers } = createSlow();
      const played = play({ clock, hedging, transport, retry: { attempts: 0 } });
      await clock.advance(100);
      answers.get("b")!(first);
      await clock.advance(0);
      answers.get("a")!(second);
      const { response, backend, balancer } = await played;
      assert.deepEqual([response?.status, backend?.id, balancer.inFlight()], [ends, by, 0]);
    }
  });

  it("leaves a further try only who was not asked yet, be it as a hedge", async () => {
    const clock = createFakeClock();
    const { transport, answers } = createSlow();
    const played = play({ clock, hedging, transport, backends: weighted(9, 5, 1) });
    await clock.advance(100);
    for (const id of ["a", "b"]) answers.get(id)!(0);
    await clock.advance(0);
    assert.deepEqual([...answers.keys()], ["a", "b", "c"]);
    answers.get("c")!(200);
    assert.equal((await played).backend?.id, "c");
  });

  it("learns what the winner took and what the loser took so far, and nothing from who fails", async () => {
    for (const [first, expected] of [[200, [50, 150]], [503, [200]], [0, [200]]] as const) {
      const clock = createFakeClock();
      const { transport, answers } = createSlow();
      const learned: number[] = [];
      const rule = { delay: 100, maxPercent: 100 };
      const hedges: Hedging = { ...createHedging(rule), learn: (ms) => void learned.push(ms) };
      const played = play({ clock, hedges, transport });
      await clock.advance(150);
      answers.get("b")!(first);
      await clock.advance(50);
      answers.get("a")!(200);
      await played;
      assert.deepEqual(learned, expected);
    }
  });

  it("passes on the first one's answers before the answer, and not the second one's as well", async () => {
    const clock = createFakeClock();
    const { transport, answers } = createSlow();
    const early: Transport = (incoming, outgoing) => {
      incoming.onInterim?.(103, ["x-from", outgoing.backend.id]);
      return transport(incoming, outgoing);
    };
    const heard: string[] = [];
    const onInterim: Incoming["onInterim"] = (status, fields) => heard.push(`${status} ${fields.join(" ")}`);
    const played = play({ clock, hedging, transport: early, onInterim });
    await clock.advance(100);
    answers.get("b")!(200);
    assert.equal((await played).backend?.id, "b");
    assert.deepEqual(heard, ["103 x-from a"]);
  });

  it("leaves a session where it is, however slow that is", async () => {
    const clock = createFakeClock();
    const { transport, answers } = createSlow();
    const played = play({ clock, hedging, transport, wanted: "b" });
    await clock.advance(200);
    assert.deepEqual([...answers.keys()], ["b"]);
    answers.get("b")!(200);
    await played;
  });

  it("asks nobody else where the first is quick, for what is no GET or HEAD, and beyond its share", async () => {
    assert.equal((await play({ hedging })).order, "a");
    for (const plan of [{ method: "POST" }, { hedging: { ...hedging, maxPercent: 0 } }]) {
      const clock = createFakeClock();
      const { transport, answers } = createSlow();
      const played = play({ clock, hedging, transport, ...plan });
      await clock.advance(200);
      assert.equal(answers.size, 1);
      answers.get("a")!(200);
      await played;
    }
  });
});
