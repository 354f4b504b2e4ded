import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import type { Answer } from "../../src/transports/http1/exchange.ts";
import { createFlow } from "../../src/transports/http1/flow.ts";
import { lazyResponse } from "../../src/transports/http1/lazy-response.ts";
import { settled } from "../support/fake-socket.ts";
import { latin1 } from "../transports/http1/reading.ts";
import { answersIn, awaited, head, openLine, plain, scripted, until } from "./serving.ts";

const get = head("GET / HTTP/1.1\nHost: a.test");
const old = head("GET / HTTP/1.0\nHost: a.test");
const oldKeeping = head("GET / HTTP/1.0\nHost: a.test\nConnection: keep-alive");
const headOnly = head("HEAD / HTTP/1.1\nHost: a.test");

/** A backend's answer that nobody looks into. */
function passed(
  body: Answer["body"],
  fields: readonly string[] = [],
  { status = 200, reason = "OK", trailers = [] as readonly string[] } = {},
): Response {
  const names = fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const at = names.indexOf("connection");
  const connection = at < 0 ? null : fields[2 * at + 1]!.toLowerCase();
  return lazyResponse({ head: { status, reason, fields, names, connection }, body, trailers });
}

/** A flow in the test's hands, and what the server asked of it. */
function flowing() {
  let held = false;
  let cancelled = 0;
  const flow = createFlow((back) => (held = back), () => void cancelled++);
  return { flow, isHeld: () => held, cancelled: () => cancelled };
}

async function answerTo(request: Buffer, response: () => Response) {
  const line = openLine(response);
  line.say(request);
  await settled();
  return line;
}

describe("an answer", () => {
  const bodiless: readonly (readonly [
    name: string,
    request: Buffer,
    response: () => Response,
    fields: Record<string, string>,
  ])[] = [
    ["to HEAD with a length", headOnly, () => plain("abc", { headers: { "content-length": "3" } }), {
      "content-length": "3",
    }],
    ["to HEAD without a length", headOnly, () => plain("abc"), {}],
    ["to HEAD without a body", headOnly, () => new Response(null, { headers: { "content-length": "7" } }), {
      "content-length": "7",
    }],
    ["to HEAD from a backend", headOnly, () => passed(null, ["Content-Length", "7"]), { "content-length": "7" }],
    ["of 204", get, () => new Response(null, { status: 204 }), {}],
    ["of 204 from a backend", get, () => passed(null, ["Content-Length", "0"], { status: 204, reason: "" }), {}],
    ["of 304 with a length", get, () => new Response(null, { status: 304, headers: { "content-length": "7" } }), {
      "content-length": "7",
    }],
    ["of 304 from a backend", get, () => passed(null, ["ETag", '"x"'], { status: 304, reason: "" }), { etag: '"x"' }],
  ];

  for (const [name, request, response, fields] of bodiless) {
    it(`${name} has no body, and the next one follows its head`, async () => {
      const line = await answerTo(request, response);
      assert.deepEqual(Object.fromEntries(answersIn(line.taken(), ["HEAD"])[0]!.fields), fields);
      assert.ok(line.taken().endsWith("\r\n\r\n"));
      assert.equal(line.taken().match(/\r\n\r\n/g)?.length, 1);
      line.say(request);
      await settled();
      assert.equal(line.heard.length, 2);
    });
  }

  it("to HEAD lets the body go that it does not write", async () => {
    const { body, cancelled } = scripted();
    await answerTo(headOnly, () => new Response(body));
    assert.equal(cancelled(), true);
  });

  it("that says nothing says so: no byte follows", async () => {
    for (const status of [200, 205, 404]) {
      const line = await answerTo(get, () => new Response(null, { status }));
      assert.deepEqual(answersIn(line.taken()).map((answer) => [answer.fields.get("content-length"), answer.end]), [
        ["0", "length"],
      ]);
    }
  });

  it("has a reason where the app gives none", async () => {
    const line = await answerTo(get, () => new Response(null, { status: 404 }));
    assert.match(line.taken(), /^HTTP\/1\.1 404 Not Found\r\n/);
    const own = await answerTo(get, () => new Response(null, { status: 404, statusText: "Nothing here" }));
    assert.match(own.taken(), /^HTTP\/1\.1 404 Nothing here\r\n/);
    const unknown = await answerTo(get, () => new Response(null, { status: 599 }));
    assert.match(unknown.taken(), /^HTTP\/1\.1 599 \r\n/);
  });

  it("keeps its fields, every cookie and every byte of them, but none of one connection", async () => {
    const headers = new Headers([
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-Bytes", "\u00e9\u00ff"],
      ["Connection", "X-Gone, close"],
      ["X-Gone", "x"],
      ["Keep-Alive", "timeout=5"],
      ["Transfer-Encoding", "gzip"],
      ["Upgrade", "h2c"],
    ]);
    const line = await answerTo(get, () => new Response(null, { headers }));
    const lines = line.taken().split("\r\n").filter((each) => each !== "").slice(1);
    assert.deepEqual(lines.sort(), [
      "Content-Length: 0",
      "set-cookie: a=1",
      "set-cookie: b=2",
      "x-bytes: \u00e9\u00ff",
    ]);
    assert.equal(line.isEnded(), false, "it is the server that says whether the connection goes on");
  });

  it("of a backend keeps its fields in their order and spelling, but none of one connection", async () => {
    const fields = ["B", "1", "a", "2", "CONNECTION", "x-gone, close", "X-Gone", "3", "b", "\u00e9", "Keep-Alive", "9"];
    const line = await answerTo(get, () => passed(latin1("abc"), fields, { reason: "Fine" }));
    assert.equal(line.taken(), "HTTP/1.1 200 Fine\r\nB: 1\r\na: 2\r\nb: \u00e9\r\nContent-Length: 3\r\n\r\nabc");
    assert.equal(line.isEnded(), false);
  });
});

describe("an answer's body", () => {
  const announced = (body: ReadableStream, length: number) =>
    new Response(body, { headers: { "content-length": String(length) } });

  it("of known length is written as it is", async () => {
    const line = await answerTo(get, () => plain("abc", { headers: { "content-length": "3" } }));
    assert.deepEqual(answersIn(line.taken()).map(({ body, end }) => [body, end]), [["abc", "length"]]);
  });

  it("of unknown length is written in chunks as they come, and none of them empty", async () => {
    const { body, write, end } = scripted();
    const responses = [new Response(body), plain("")];
    const line = await answerTo(get, () => responses.shift()!);
    assert.match(line.more(), /\r\nTransfer-Encoding: chunked\r\n\r\n$/, "the head does not wait for the body");
    write("abc");
    await settled();
    assert.equal(line.more(), "3\r\nabc\r\n");
    write("");
    await settled();
    assert.equal(line.more(), "");
    write("x".repeat(300));
    await settled();
    assert.equal(line.more(), `12c\r\n${"x".repeat(300)}\r\n`);
    end();
    await settled();
    assert.equal(line.more(), "0\r\n\r\n");
    line.say(get);
    await settled();
    assert.equal(line.heard.length, 2);
  });

  it("of unknown length ends with the connection in HTTP/1.0", async () => {
    for (const request of [old, oldKeeping]) {
      const line = await answerTo(request, () => plain("abc"));
      const [answer] = answersIn(line.taken());
      assert.deepEqual([answer?.body, answer?.end, answer?.fields.get("connection")], ["abc", "close", "close"]);
      assert.ok(line.isEnded());
      assert.equal(line.wasReset(), false);
    }
  });

  it("of known length does not end the connection in HTTP/1.0", async () => {
    const line = await answerTo(oldKeeping, () => plain("abc", { headers: { "content-length": "3" } }));
    const [answer] = answersIn(line.taken());
    assert.deepEqual([answer?.body, answer?.fields.get("connection")], ["abc", "keep-alive"]);
    assert.equal(line.isEnded(), false);
  });

  it("is read at the client's pace", async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1;
        if (pulled > 100) controller.close();
        else controller.enqueue(new Uint8Array(16_384));
      },
    }, { highWaterMark: 0 });
    const line = openLine(() => new Response(body));
    line.stall();
    line.say(get);
    await settled();
    await settled();
    assert.ok(pulled < 20, `${pulled} chunks`);
    line.takeOn();
    await until("all of it", () => line.taken().endsWith("\r\n0\r\n\r\n"));
    assert.equal(answersIn(line.taken())[0]?.body.length, 100 * 16_384);
  });

  it("that breaks is seen not to be whole", async () => {
    for (
      const [request, response, end] of [
        [get, (body: ReadableStream) => new Response(body), "cut"],
        [get, (body: ReadableStream) => announced(body, 10), "cut"],
        [old, (body: ReadableStream) => new Response(body), "close"],
        [old, (body: ReadableStream) => announced(body, 10), "cut"],
      ] as const
    ) {
      const { body, write, fail } = scripted();
      let left = 0;
      const line = openLine(({ client }) => {
        client.onLeave(() => void left++);
        return response(body);
      });
      line.say(request);
      await settled();
      write("abc");
      await settled();
      fail();
      line.say(get);
      await settled();
      assert.deepEqual(answersIn(line.taken()).map((answer) => [answer.body, answer.end]), [["abc", end]]);
      assert.ok(line.socket.destroyed);
      assert.equal(line.wasReset(), end === "close", "only a reset tells a broken end from an end");
      assert.deepEqual([left, line.heard.length, line.alarms.count()], [1, 1, 0]);
    }
  });

  it("that breaks before its first byte is seen not to be whole", async () => {
    const { body, fail } = scripted();
    const line = openLine(() => announced(body, 10));
    fail();
    line.say(get);
    await settled();
    assert.ok(line.socket.destroyed);
    assert.doesNotMatch(line.taken(), /\r\n\r\n./);
  });

  it("that is shorter than announced ends the connection, so that nothing is taken for the rest", async () => {
    const { body, write, end } = scripted();
    const line = await answerTo(get, () => announced(body, 10));
    write("abc");
    end();
    line.say(get);
    await settled();
    assert.deepEqual(answersIn(line.taken()).map((answer) => [answer.body, answer.end]), [["abc", "cut"]]);
    assert.ok(line.socket.destroyed);
    assert.equal(line.heard.length, 1);
  });

  it("that is longer than announced ends the connection, and nothing of what is too much is sent", async () => {
    const { body, write } = scripted();
    const line = await answerTo(get, () => announced(body, 4));
    write("abc");
    await settled();
    write("HTTP/1.1 200 Smuggled\r\n\r\n");
    line.say(get);
    await settled();
    assert.deepEqual(answersIn(line.taken()).map((answer) => [answer.body, answer.end]), [["abc", "cut"]]);
    assert.ok(line.socket.destroyed);
    assert.equal(line.heard.length, 1);
  });
});

describe("a backend's body", () => {
  it("that came with its head goes out with it, large and small", async () => {
    for (const length of [0, 1, 4096, 4097, 200_000]) {
      for (const request of [get, old]) {
        const line = await answerTo(request, () => passed(latin1("x".repeat(length))));
        assert.deepEqual(answersIn(line.taken()).map(({ body, end }) => [body.length, end]), [[length, "length"]]);
      }
    }
  });

  it("is followed by its trailers where the client can be told them", async () => {
    const given = () => passed(latin1("abc"), [], { trailers: ["X-Sum", "1", "x-sum", "2"] });
    const [told] = answersIn((await answerTo(get, given)).taken());
    assert.deepEqual([told?.body, told?.end, told?.trailers], ["abc", "chunked", ["X-Sum: 1", "x-sum: 2"]]);
    const [untold] = answersIn((await answerTo(old, given)).taken());
    assert.deepEqual([untold?.body, untold?.end], ["abc", "length"]);
  });

  it("flows as it comes, its trailers last", async () => {
    const { flow } = flowing();
    const responses = [passed(flow, ["X", "y"]), plain("")];
    const line = await answerTo(get, () => responses.shift()!);
    assert.equal(line.more(), "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n");
    flow.data(latin1("abc"));
    await settled();
    assert.equal(line.more(), "3\r\nabc\r\n");
    flow.data(latin1("d"));
    flow.end(["X-Sum", "1"]);
    await settled();
    assert.equal(line.more(), "1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n");
    line.say(get);
    await settled();
    assert.equal(line.heard.length, 2);
  });

  it("flows as it is where its length was announced", async () => {
    const { flow } = flowing();
    const line = await answerTo(get, () => passed(flow, ["content-LENGTH", "4"]));
    flow.data(latin1("abc"));
    flow.data(latin1("d"));
    flow.end([]);
    await settled();
    assert.equal(line.taken(), "HTTP/1.1 200 OK\r\ncontent-LENGTH: 4\r\n\r\nabcd");
  });

  it("that is there before its answer is written is written whole", async () => {
    const { flow } = flowing();
    flow.data(latin1("abc"));
    flow.end([]);
    const line = openLine(({ raw }) => (raw.target === "/" ? passed(flow) : plain("second")));
    line.say(get);
    line.say(head("GET /2 HTTP/1.1\nHost: a.test"));
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["abc", "second"]);
  });

  it("that is not taken holds the next request back", async () => {
    const line = openLine(({ raw }) => (raw.target === "/" ? passed(latin1("x".repeat(300_000))) : plain("second")));
    line.stall();
    line.say(Buffer.concat([get, head("GET /2 HTTP/1.1\nHost: a.test")]));
    await settled();
    assert.equal(line.heard.length, 1);
    line.takeOn();
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body.length), [300_000, 6]);
  });

  it("is held back while the client takes nothing, and goes on when it does", async () => {
    const { flow, isHeld } = flowing();
    const line = await answerTo(get, () => passed(flow));
    line.stall();
    for (let count = 0; count < 10; count++) flow.data(new Uint8Array(16_384));
    await settled();
    assert.equal(isHeld(), true);
    line.takeOn();
    await settled();
    assert.equal(isHeld(), false);
    flow.end([]);
    await settled();
    assert.equal(answersIn(line.taken())[0]?.body.length, 10 * 16_384);
  });

  it("says when its bytes are not needed any more", async () => {
    const { flow } = flowing();
    const line = await answerTo(get, () => passed(flow));
    let released = 0;
    line.stall();
    flow.data(latin1("abc"), () => void released++);
    await settled();
    assert.equal(released, 0);
    line.takeOn();
    await settled();
    assert.equal(released, 1);
  });

  it("that breaks is seen not to be whole", async () => {
    for (
      const [request, fields, end] of [
        [get, [], "cut"],
        [get, ["Content-Length", "10"], "cut"],
        [old, [], "close"],
      ] as const
    ) {
      const { flow } = flowing();
      const line = await answerTo(request, () => passed(flow, fields));
      flow.data(latin1("abc"));
      await settled();
      flow.fail(new Error("the backend broke off"));
      await settled();
      assert.deepEqual(answersIn(line.taken()).map((answer) => [answer.body, answer.end]), [["abc", end]]);
      assert.ok(line.socket.destroyed);
      assert.equal(line.wasReset(), end === "close");
    }
  });

  it("is cancelled when the client has left, before its answer and in the middle of it", async () => {
    for (const way of ["leave", "break"] as const) {
      const { flow, cancelled } = flowing();
      const line = await answerTo(get, () => passed(flow));
      flow.data(latin1("abc"));
      await settled();
      line[way]();
      await settled();
      assert.equal(cancelled(), 1, "in the middle");

      const second = flowing();
      const answer = awaited<Response>();
      const early = openLine(() => answer.promise);
      early.say(get);
      await settled();
      early[way]();
      await settled();
      answer.resolve(passed(second.flow));
      await settled();
      assert.deepEqual([second.cancelled(), early.taken()], [1, ""], "before");
    }
  });
});
