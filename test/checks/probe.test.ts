import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Check, probe } from "../../src/checks/probe.ts";
import type { HealthCheck } from "../../src/core/config.ts";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import type { Backend } from "../../src/core/pool.ts";
import type { Incoming, Outgoing } from "../../src/core/ports.ts";
import { version } from "../../src/core/version.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { checkOf } from "../support/sweeping.ts";

const backend: Backend = {
  id: "b",
  url: "http://backend.test:8081/base",
  weight: 1,
  priority: 0,
  maxRequests: 0,
  state: "active",
};
const http = (changes: Partial<HealthCheck> = {}) => checkOf({ type: "http", timeout: 3_000, ...changes });

/** Probes a backend that answers so, and tells what it was asked and what became of the body. */
async function ask(
  answer: (incoming: Incoming) => Response | Promise<Response>,
  check: Check,
  of: Backend = backend,
) {
  const clock = createFakeClock();
  const asked: { incoming: Incoming; outgoing: Outgoing }[] = [];
  const result = await probe(of, check, {
    clock,
    connect: () => Promise.reject(new Error("not asked for")),
    async transport(incoming, outgoing) {
      asked.push({ incoming, outgoing });
      return await answer(incoming);
    },
  });
  assert.equal(clock.sleepers(), 0, "a timer was left behind");
  const [only, ...more] = asked;
  assert.equal(more.length, 0);
  return { result, incoming: only!.incoming, outgoing: only!.outgoing };
}

/** A body that tells when it was cancelled; without chunks it never sends any, and it never ends by itself. */
function body(...chunks: string[]) {
  const seen = { cancelled: false, pulled: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[seen.pulled++];
        return chunk === undefined ? new Promise(() => {}) : controller.enqueue(new TextEncoder().encode(chunk));
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

const failing = (reason: string, elapsedMs = 0) => ({ passed: false, reason, elapsedMs });
const passing = { passed: true, elapsedMs: 0 };

describe("an HTTP probe", () => {
  it("asks for the path on a new connection, as roundabout-health, and not below the backend's base path", async () => {
    const { result, incoming, outgoing } = await ask(() => new Response("ok"), http({ path: "/health?deep=1" }));
    assert.deepEqual(result, passing);
    assert.equal(incoming.method, "GET");
    assert.equal(incoming.body, undefined);
    incoming.headers.forEach((_, name) => assert.fail(name));
    assert.equal(outgoing.backend, backend);
    assert.equal(outgoing.target, "/health?deep=1");
    assert.equal(outgoing.fresh, true);
    assert.equal(outgoing.host, undefined);
    assert.deepEqual(outgoing.headers.set, [["user-agent", `roundabout-health/${version}`]]);
  });

  it("sends the configured method and fields, which win over its own; Host goes where the transport looks for it", async () => {
    const headers = { "user-agent": "mine", "x-key": "1", host: "app.test" };
    const { incoming, outgoing } = await ask(() => new Response(), http({ method: "HEAD", headers }));
    assert.equal(incoming.method, "HEAD");
    assert.deepEqual(outgoing.headers.set, [["user-agent", "mine"], ["x-key", "1"]]);
    assert.equal(outgoing.host, "app.test");
  });

  it("asks at the configured port", async () => {
    const { outgoing } = await ask(() => new Response(), http({ port: 9_000 }));
    assert.equal(new URL(outgoing.backend.url).origin, "http://backend.test:9000");
    assert.equal(outgoing.backend.id, "b");
  });

  const statuses: {
    status: number;
    expected: [from: number, to: number][];
    result: typeof passing | ReturnType<typeof failing>;
  }[] = [
    { status: 200, expected: [[200, 299]], result: passing },
    { status: 299, expected: [[200, 299]], result: passing },
    { status: 304, expected: [[200, 299], [304, 304]], result: passing },
    { status: 301, expected: [[200, 299]], result: failing("status 301") },
    { status: 503, expected: [[200, 299]], result: failing("status 503") },
    { status: 200, expected: [[204, 204]], result: failing("status 200") },
  ];
  for (const { status, expected, result } of statuses) {
    it(`${result.passed ? "passes" : "fails"} on ${status} where ${expected.map((range) => range.join("-"))} is expected`, async () => {
      const answer = new Response(null, { status, headers: { location: "/elsewhere" } });
      assert.deepEqual((await ask(() => answer, http({ expectedStatuses: expected }))).result, result);
    });
  }

  it("fails on a wrong status, though the body is the expected one, and does not read it", async () => {
    const { stream, seen } = body("ok");
    const { result } = await ask(() => new Response(stream, { status: 500 }), http({ expectedBody: "ok" }));
    assert.deepEqual(result, failing("status 500"));
    assert.deepEqual(seen, { cancelled: true, pulled: 0 });
  });

  it("cancels the body at once when none is expected, also of a wrong status", async () => {
    for (const status of [200, 500]) {
      const { stream, seen } = body();
      await ask(() => new Response(stream, { status }), http());
      assert.equal(seen.cancelled, true);
    }
  });

  const bodies = [
    { name: "a substring", expected: "ready", chunks: ["not yet… al", "most: rea", "dy now"], passes: true },
    { name: "another text", expected: "ready", chunks: ["broken"], passes: false },
    { name: "a pattern", expected: '/^\\{"ok":\\s*true/', chunks: ['{"ok":', " true}"], passes: true },
    { name: "another pattern", expected: "/^ok$/", chunks: ["okay"], passes: false },
    { name: "a lone slash, which is no pattern", expected: "/", chunks: ["ok"], passes: false },
    { name: "two slashes, which are none either", expected: "//", chunks: ["http://ok"], passes: true },
    {
      name: "a character cut in two",
      expected: "grün",
      chunks: [],
      bytes: [0x67, 0x72, 0xc3, 0xbc, 0x6e],
      passes: true,
    },
    { name: "an empty body", expected: "ok", chunks: [], passes: false },
  ];
  for (const { name, expected, chunks, bytes, passes } of bodies) {
    it(`${passes ? "passes" : "fails"} on ${name}`, async () => {
      const encoder = new TextEncoder();
      const parts = bytes?.map((byte) => Uint8Array.of(byte)) ?? chunks.map((chunk) => encoder.encode(chunk));
      const answer = new Response(
        new ReadableStream({
          start(controller) {
            for (const part of parts) controller.enqueue(part);
            controller.close();
          },
        }),
      );
      const { result } = await ask(() => answer, http({ expectedBody: expected }));
      assert.deepEqual(result, passes ? passing : failing("body does not match"));
    });
  }

  it("fails on an answer without a body where one is expected", async () => {
    const { result } = await ask(() => new Response(null, { status: 204 }), http({ expectedBody: "ok" }));
    assert.deepEqual(result, failing("body does not match"));
  });

  it("looks at the first 64 KiB of a body and cancels the rest", async () => {
    const inside = body(" ".repeat(65_534) + "ok", "x");
    assert.deepEqual((await ask(() => new Response(inside.stream), http({ expectedBody: "ok" }))).result, passing);
    const beyond = body(" ".repeat(65_535), "ok", "x");
    assert.deepEqual(
      (await ask(() => new Response(beyond.stream), http({ expectedBody: "ok" }))).result,
      failing("body does not match"),
    );
    assert.equal(inside.seen.cancelled && beyond.seen.cancelled, true);
    assert.equal(beyond.seen.pulled, 2);
  });

  it("fails when the body breaks off", async () => {
    const broken = (error: unknown) =>
      new Response(new ReadableStream({ pull: (controller) => controller.error(error) }));
    const check = http({ expectedBody: "ok" });
    assert.deepEqual(
      (await ask(() => broken(new TypeError("connection refused")), check)).result,
      failing("answer ended early"),
    );
    assert.deepEqual(
      (await ask(() => broken(new ProxyError("connection_terminated")), check)).result,
      failing("connection reset"),
    );
  });

  const reasons: [ErrorCode, string][] = [
    ["connection_refused", "connection refused"],
    ["connection_terminated", "connection reset"],
    ["connection_timeout", "timeout"],
    ["http_response_timeout", "timeout"],
    ["dns_error", "name not found"],
    ["destination_ip_unroutable", "host unreachable"],
    ["tls_error", "no secure connection"],
    ["http_protocol_error", "malformed answer"],
    ["proxy_internal_error", "probe failed"],
  ];
  for (const [code, reason] of reasons) {
    it(`says "${reason}" for ${code}`, async () => {
      assert.deepEqual((await ask(() => Promise.reject(new ProxyError(code)), http())).result, failing(reason));
    });
  }

  it("never rejects and never goes by an error's text", async () => {
    for (const thrown of [new TypeError("connection refused"), "Error: aborted", undefined]) {
      assert.deepEqual((await ask(() => Promise.reject(thrown), http())).result, failing("probe failed"));
    }
    assert.deepEqual(
      (await ask(() => new Response("ok"), http({ expectedBody: "/(/" }))).result,
      failing("probe failed"),
    );
  });
});

describe("the timeout of a probe", () => {
  /** Probes with a transport, lets three seconds pass, and checks that it ended then and not before. */
  async function late(answer: (incoming: Incoming) => Promise<Response>, check = http(), signal?: AbortSignal) {
    const clock = createFakeClock();
    let ended = false;
    const connect = (_place: unknown, cut: AbortSignal) =>
      new Promise<void>((_, reject) =>
        cut.addEventListener("abort", () => reject(new ProxyError("connection_refused")))
      );
    const probing = probe(backend, check, { clock, connect, transport: answer }, signal).finally(() => (ended = true));
    await clock.advance(2_999);
    assert.equal(ended, false);
    await clock.advance(1);
    assert.equal(ended, true);
    assert.equal(clock.sleepers(), 0);
    return await probing;
  }

  it("ends a transport that never answers, and tells it so", async () => {
    let told = 0;
    const result = await late((incoming) => {
      incoming.onAbort(() => told++);
      return new Promise(() => {});
    });
    assert.deepEqual(result, failing("timeout", 3_000));
    assert.equal(told, 1);
  });

  it("tells a transport that begins to listen only afterwards, and cancels an answer that comes too late", async () => {
    const { stream, seen } = body("ok");
    let answer = (_response: Response) => {};
    let listen = (_listener: () => void): () => void => () => {};
    await late((incoming) => {
      listen = (listener) => incoming.onAbort(listener);
      return new Promise((resolve) => (answer = resolve));
    }, http({ expectedBody: "ok" }));
    let told = 0;
    listen(() => told++);
    assert.equal(told, 1);
    answer(new Response(stream));
    await createFakeClock().advance(0);
    assert.equal(seen.cancelled, true);
  });

  it("holds for the body too", async () => {
    const { stream, seen } = body("o");
    const result = await late(async () => new Response(stream), http({ expectedBody: "ok" }));
    assert.deepEqual(result, failing("timeout", 3_000));
    assert.equal(seen.cancelled, true);
  });

  it("holds for a connection", async () => {
    const result = await late(() => Promise.reject(new Error("not asked for")), checkOf({ timeout: 3_000 }));
    assert.deepEqual(result, failing("timeout", 3_000));
  });

  it("is not what a transport hears when it answered in time", async () => {
    let told = 0;
    await ask((incoming) => {
      incoming.onAbort(() => told++);
      return new Response("ok");
    }, http({ expectedBody: "ok" }));
    assert.equal(told, 0);
  });
});

describe("a probe that is cut short", () => {
  it("ends at once and tells its transport", async () => {
    const clock = createFakeClock();
    const stop = new AbortController();
    let told = 0;
    const transport = (incoming: Incoming) => {
      incoming.onAbort(() => told++);
      return new Promise<Response>(() => {});
    };
    const probing = probe(backend, http(), { clock, transport, connect: async () => {} }, stop.signal);
    await clock.advance(5);
    stop.abort();
    assert.deepEqual(await probing, failing("cancelled", 5));
    assert.equal(told, 1);
    assert.equal(clock.sleepers(), 0);
  });
});

describe("a TCP probe", () => {
  const connected: [string, number][] = [];
  const connectTo = (url: string, port?: number) =>
    probe({ ...backend, url }, checkOf({ port }), {
      clock: createFakeClock(),
      transport: () => Promise.reject(new Error("not asked for")),
      connect: async ({ hostname, port: at }) => void connected.push([hostname, at]),
    });

  it("connects to the backend's host and port, or the configured one", async () => {
    assert.deepEqual(await connectTo("http://127.0.0.1:8081"), passing);
    await connectTo("http://plain.test");
    await connectTo("https://secure.test/base");
    await connectTo("http://[::1]:8081");
    await connectTo("http://127.0.0.1:8081", 9_000);
    assert.deepEqual(connected, [["127.0.0.1", 8081], ["plain.test", 80], ["secure.test", 443], ["::1", 8081], [
      "127.0.0.1",
      9_000,
    ]]);
  });

  it("gives the reason why it cannot", async () => {
    const connect = () => Promise.reject(new ProxyError("connection_refused"));
    const result = await probe(backend, checkOf(), {
      clock: createFakeClock(),
      transport: async () => new Response(),
      connect,
    });
    assert.deepEqual(result, failing("connection refused"));
  });
});
