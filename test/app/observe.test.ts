import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Hono } from "hono";
import { ProxyError } from "../../src/core/errors.ts";
import type { Ports } from "../../src/core/ports.ts";
import { createEchoing, createTestBalancer, type TestBalancer } from "../support/test-balancer.ts";
import { leavingClient } from "../support/test-ports.ts";

/** The access lines: those that tell of a request. */
const lines = ({ ports }: TestBalancer) =>
  ports.lines.filter(({ level, properties }) => level === "info" && "requestId" in properties);

/** A backend that answers in pieces, when it is told to. */
function createSlow() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = () => new Response(new ReadableStream({ start: (begun) => void (controller = begun) }));
  return {
    app: new Hono().get("*", stream),
    send: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: () => controller?.error(new Error("broken")),
  };
}

const within = async (promise: Promise<unknown>) => {
  let over = false;
  void promise.then(() => (over = true));
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  return over;
};

describe("the access line", () => {
  it("is written when the last byte has gone, with everything that is known", async () => {
    const slow = createSlow();
    const balancer = createTestBalancer({ "a.test": slow.app });
    const answer = balancer.ask("/x/y?secret=1", { headers: { host: "shop.test:81" } });
    const response = await answer;
    await balancer.ports.clock.advance(20);
    slow.send("hello");
    slow.end();
    assert.deepEqual(lines(balancer), []);
    assert.equal(await response.text(), "hello");
    const [line, ...more] = lines(balancer);
    assert.deepEqual(more, []);
    assert.equal(line?.message, "GET /x/y 200");
    assert.deepEqual(line?.properties, {
      requestId: "id-1",
      method: "GET",
      host: "shop.test:81",
      path: "/x/y",
      status: 200,
      backend: "a.test",
      tries: 1,
      bytes: 5,
      headMs: 0,
      totalMs: 20,
    });
  });

  it("has the time to the head, of all tries together", async () => {
    let balancer: TestBalancer;
    const transport: Ports["transport"] = async (_, outgoing) => {
      await balancer.ports.clock.advance(30);
      if (outgoing.backend.id === "a.test") throw new ProxyError("connection_refused");
      outgoing.onEnd(7);
      return new Response("hello!!");
    };
    balancer = createTestBalancer({}, { backends: ["http://a.test", "http://b.test"] }, {}, { transport });
    await balancer.ask("/");
    const { tries, backend, bytes, headMs, totalMs } = lines(balancer)[0]!.properties;
    // Its body ended, as far as this transport knows, with the head.
    assert.deepEqual({ tries, backend, bytes, headMs, totalMs }, {
      tries: 2,
      backend: "b.test",
      bytes: 7,
      headMs: 60,
      totalMs: 60,
    });
  });

  it("is there for the balancer's own answers, with the error", async () => {
    const balancer = createEchoing({}, { routes: [{ match: { path: "/api" }, pool: "web" }] });
    await balancer.ask("/x");
    const [line] = lines(balancer);
    assert.deepEqual(line?.properties, {
      requestId: "id-1",
      method: "GET",
      host: "front.test",
      path: "/x",
      status: 404,
      tries: 0,
      headMs: 0,
      totalMs: 0,
      error: "no_route",
    });
  });

  it("is all there is in the log of what a client did wrong", async () => {
    const balancer = createEchoing();
    await balancer.ask("/", { headers: { host: "a/b" } });
    await balancer.ask("/", { headers: { via: "1.1 roundabout" } });
    assert.deepEqual(balancer.ports.lines, lines(balancer));
    assert.deepEqual(lines(balancer).map(({ message }) => message), ["GET - 400", "GET - 508"]);
  });

  it("has a status and an error when nobody answered, and one warning for each backend that failed", async () => {
    const balancer = createTestBalancer({}, { backends: ["http://a.test", "http://b.test"] });
    assert.equal((await balancer.ask("/")).status, 502);
    const [line] = lines(balancer);
    assert.deepEqual([line?.properties["status"], line?.properties["error"], line?.properties["tries"]], [
      502,
      "connection_refused",
      2,
    ]);
    assert.deepEqual(
      balancer.ports.lines.filter(({ level }) => level === "warn").map((
        { message, properties },
      ) => [message, properties["requestId"]]),
      [["backend error http://a.test (connection_refused)", "id-1"], [
        "backend error http://b.test (connection_refused)",
        "id-1",
      ]],
    );
  });

  it("does not tell the query, where secrets are", async () => {
    const balancer = createEchoing();
    await (await balancer.ask("/x?token=secret")).text();
    assert.doesNotMatch(JSON.stringify(balancer.ports.lines), /secret/);
  });

  it("is none when it is turned off, and what is in flight is counted all the same", async () => {
    const balancer = createEchoing({}, { log: { access: false } });
    const response = await balancer.ask("/");
    assert.equal(balancer.inFlight(), 1);
    await response.text();
    assert.equal(balancer.inFlight(), 0);
    assert.deepEqual(lines(balancer), []);
  });

  it("says so when the backend broke off in the middle", async () => {
    const slow = createSlow();
    const balancer = createTestBalancer({ "a.test": slow.app });
    const response = await balancer.ask("/");
    slow.send("half");
    const text = assert.rejects(response.text());
    await nextTurn();
    slow.fail();
    await text;
    const [line, ...more] = lines(balancer);
    assert.deepEqual([line?.properties["status"], line?.properties["error"], more], [
      200,
      "http_response_incomplete",
      [],
    ]);
    assert.equal(balancer.inFlight(), 0);
  });

  for (const pending of [false, true]) {
    it(`is one, and says so, when the client leaves in the middle${pending ? " while it waits for more" : ""}`, async () => {
      const slow = createSlow();
      const balancer = createTestBalancer({ "a.test": slow.app });
      const response = await balancer.ask("/");
      const reader = response.body!.getReader();
      slow.send("half");
      await reader.read();
      const waiting = pending ? reader.read().catch(() => undefined) : undefined;
      await nextTurn();
      await reader.cancel().catch(() => {});
      await waiting;
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      assert.deepEqual(lines(balancer).map(({ properties }) => properties["error"]), ["client_aborted"]);
      assert.equal(balancer.inFlight(), 0);
    });
  }

  it("is one with 499 when the client leaves before the head", async () => {
    const client = leavingClient();
    const never = new Hono().get("*", (context) => {
      const { signal } = context.req.raw;
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    never.onError((error) => {
      throw error;
    });
    const balancer = createTestBalancer({ "a.test": never }, {}, {}, { client: () => client });
    const answer = balancer.ask("/");
    while (client.listeners() === 0) await nextTurn();
    client.leave();
    await answer;
    assert.deepEqual(lines(balancer).map(({ properties }) => [properties["status"], properties["error"]]), [[
      499,
      "client_aborted",
    ]]);
    assert.deepEqual(balancer.ports.lines.filter(({ level }) => level === "warn"), []);
    assert.deepEqual([balancer.inFlight(), client.listeners()], [0, 0]);
  });
});

describe("what is in flight", () => {
  it("is a request until its answer has ended", async () => {
    const slow = createSlow();
    const balancer = createTestBalancer({ "a.test": slow.app });
    const response = await balancer.ask("/");
    assert.equal(balancer.inFlight(), 1);
    slow.end();
    await response.text();
    assert.equal(balancer.inFlight(), 0);
  });

  it("is nothing of the balancer's own paths", async () => {
    const balancer = createEchoing();
    const answer = balancer.ask("/_roundabout/livez");
    assert.equal(balancer.inFlight(), 0);
    await answer;
  });

  it("is waited for by close, which then is done", async () => {
    const [one, two] = [createSlow(), createSlow()];
    const balancer = createTestBalancer({ "a.test": one.app, "b.test": two.app });
    const responses = [await balancer.ask("/"), await balancer.ask("/")];
    const closed = balancer.close();
    assert.equal(await within(closed), false);
    one.end();
    await responses[0]!.text();
    assert.equal(await within(closed), false);
    two.end();
    await responses[1]!.text();
    assert.equal(await within(closed), true);
    assert.equal(await within(balancer.close()), true);
  });

  it("is nothing after close when a client left while it waited for more", async () => {
    const slow = createSlow();
    const balancer = createTestBalancer({ "a.test": slow.app });
    const reader = (await balancer.ask("/")).body!.getReader();
    const waiting = reader.read().catch(() => undefined);
    await nextTurn();
    await reader.cancel().catch(() => {});
    await waiting;
    assert.equal(await within(balancer.close()), true);
  });

  it("is 0 again when many requests ended in all ways at once", async () => {
    const app = new Hono()
      .get("/ends", (context) => context.text("ok"))
      .get(
        "/breaks",
        () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) })),
      )
      .get("/stays", () => new Response(new ReadableStream()));
    const balancer = createTestBalancer({ "a.test": app }, {
      backends: ["http://a.test", "http://gone.test"],
      retry: { attempts: 0 },
    });
    const targets = ["/ends", "/breaks", "/stays", "/ends"].flatMap((target) =>
      Array.from({ length: 10 }, () => target)
    );
    await Promise.all(
      targets.map(async (target) => {
        const { body } = await balancer.ask(target);
        const reader = body!.getReader();
        const read = reader.read().catch(() => undefined);
        if (target !== "/stays") await read;
        await reader.cancel().catch(() => {});
      }),
    );
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    assert.equal(lines(balancer).length, targets.length);
    assert.equal(balancer.inFlight(), 0);
  });
});
