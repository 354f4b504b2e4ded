import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { describe, it } from "node:test";
import { serveConnection } from "../../src/server/connection.ts";
import type { App } from "../../src/server/exchange.ts";
import { settled } from "../support/fake-socket.ts";
import { cutAt, latin1 } from "../transports/http1/reading.ts";
import {
  type Answering,
  answersIn,
  awaited,
  echoTarget,
  head,
  kibibyte,
  limits,
  lingerMs,
  manualAlarms,
  openLine,
  plain,
  plainWire,
  scripted,
  until,
} from "./serving.ts";

const get = (target = "/", fields = "") => head(`GET ${target} HTTP/1.1\nHost: a.test${fields}`);
const post = (fields: string, body = "", version = "1.1") =>
  Buffer.concat([head(`POST /post HTTP/${version}\nHost: a.test\n${fields}`), latin1(body)]);
const chunked = (body: string) => post("Transfer-Encoding: chunked", body);

const isNode = !("bun" in process.versions) && !("deno" in process.versions);
const noCollecting = isNode ? false : "only Node's memory can be collected from within, so that what is kept is seen";

async function collector(): Promise<() => void> {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

/** A stream that ends. */
function scriptedEnd(): ReadableStream<Uint8Array> {
  const { body, write, end } = scripted();
  write("streamed");
  end();
  return body;
}

/** Answers with all that can be seen of a request. */
const echoAll: Answering = async ({ request, raw, client }) => {
  const body = await request.text();
  const fields: string[] = [];
  raw.headers.forEach((value, name) => fields.push(`${name}=${value}`));
  const { address, port, secure } = client;
  return plain(JSON.stringify([request.method, raw.target, fields, body, raw.trailers?.(), address, port, secure]));
};

describe("a request", () => {
  const requests: readonly (readonly [name: string, bytes: Buffer])[] = [
    ["without a body", get("/x", "\nX: \u00ff")],
    ["with a length", post("Content-Length: 10", "0123\r\n6789")],
    ["in chunks", chunked("4;x=y\r\n0123\r\n00A\r\nab\r\n\r\ncdef\r\n0\r\nX-T: u\r\nHost: b.test\r\n\r\n")],
    ["in chunks without any", chunked("0\r\n\r\n")],
    ["after empty lines", Buffer.concat([latin1("\r\n\r\n\r\n"), get("/late")])],
    ["of HTTP/1.0 that keeps", post("Connection: keep-alive\nContent-Length: 2", "ab", "1.0")],
    [
      "in front of others",
      Buffer.concat([post("Content-Length: 3", "abc"), chunked("1\r\nd\r\n0\r\n\r\n"), get("/2"), get("/3")]),
    ],
    ["that is none behind one", Buffer.concat([get("/1"), latin1("BOO\r\n\r\n"), get("/never")])],
  ];

  for (const [name, bytes] of requests) {
    it(`${name} is the same wherever it was split`, async () => {
      const read = async (pieces: readonly Uint8Array[]) => {
        const line = openLine(echoAll);
        for (const piece of pieces) {
          line.say(piece);
          await settled();
        }
        await settled();
        return [line.taken(), line.heard.length, line.refused.map(({ code }) => code)];
      };
      const whole = await read([bytes]);
      assert.ok(Number(whole[1]) > 0, "it was heard");
      for (let at = 1; at < bytes.length; at++) assert.deepEqual(await read(cutAt(bytes, [at])), whole, `at ${at}`);
      assert.deepEqual(await read([...bytes].map((byte) => Uint8Array.of(byte))), whole, "byte by byte");
    });
  }

  it("comes with its fields as they stood, its trailers that may be passed on, and where it is from", async () => {
    const line = openLine(echoAll);
    line.say(requests[2]![1]);
    await until("the answer", () => line.taken() !== "");
    await settled();
    const [answer] = answersIn(line.taken());
    assert.deepEqual(JSON.parse(answer!.body), [
      "POST",
      "/post",
      ["Host=a.test", "Transfer-Encoding=chunked"],
      "0123ab\r\n\r\ncdef",
      ["X-T", "u"],
      "192.0.2.1",
      8080,
      false,
    ]);
    assert.equal(line.heard[0]?.client.direct, true);
    assert.equal(line.heard[0]?.env.offer, undefined);
  });

  it("that is none is refused, and the connection ended", async () => {
    for (
      const [bytes, code] of [
        [latin1("\x16\x03\x01\x00"), "malformed_request"],
        [latin1("GET /\r\n"), "malformed_request"],
        [head("GET / HTTP/1.1\nHost: a\nHost: b"), "malformed_request"],
        [head("GET / HTTP/2.0"), "version_not_supported"],
        [head("POST / HTTP/1.1\nContent-Length: 1\nExpect: more"), "expectation_failed"],
        [head(`GET /${"x".repeat(16 * kibibyte)} HTTP/1.1`), "target_too_long"],
        [head(`GET / HTTP/1.1\nX: ${"x".repeat(16 * kibibyte)}`), "head_too_large"],
      ] as const
    ) {
      const line = openLine();
      line.say(bytes);
      line.say(get("/never"));
      await settled();
      const [answer, ...more] = answersIn(line.taken());
      assert.deepEqual([answer?.body, answer?.fields.get("connection"), more.length], [code, "close", 0]);
      assert.deepEqual(line.refused.map((error) => error.code), [code]);
      assert.equal(line.heard.length, 0);
      assert.ok(line.isEnded());
    }
  });

  it("has a head of so many bytes at most, however it is cut", async () => {
    const sized = (bytes: number) => {
      const start = "GET / HTTP/1.1\r\nHost: a.test\r\nX: ";
      return latin1(`${start}${"x".repeat(bytes - start.length)}\r\n\r\n`);
    };
    for (const [bytes, code] of [[limits.headBytes, []], [limits.headBytes + 1, ["head_too_large"]]] as const) {
      const whole = sized(bytes);
      for (const last of [0, 1, 2, 3, 4, 5]) {
        const line = openLine();
        for (const piece of cutAt(whole, [whole.length - last])) {
          line.say(piece);
          await settled();
        }
        assert.deepEqual(line.refused.map((error) => error.code), code, `${bytes} bytes, the last ${last} later`);
        assert.equal(line.heard.length, 1 - code.length);
      }
    }
  });

  it("that the app fails at ends the connection without a word", async () => {
    const line = openLine(() => Promise.reject(new Error("a fault")));
    line.say(get());
    await settled();
    assert.equal(line.taken(), "");
    assert.ok(line.socket.destroyed);
  });
});

describe("pipelined requests", () => {
  it("are served in turn, each when the one before has its answer", async () => {
    const answers = [awaited<Response>(), awaited<Response>(), awaited<Response>()];
    const line = openLine(({ raw }) => answers[Number(raw.target.slice(1))]!.promise);
    line.say(Buffer.concat([get("/0"), get("/1")]));
    line.say(get("/2"));
    for (const [index, { resolve }] of answers.entries()) {
      await settled();
      assert.deepEqual(line.heard.map(({ raw }) => raw.target), ["/0", "/1", "/2"].slice(0, index + 1));
      assert.equal(line.more(), "");
      resolve(plain(`answer ${index}`));
      await settled();
      assert.deepEqual(answersIn(line.more()).map(({ body }) => body), [`answer ${index}`]);
    }
  });

  it("wait until an answer's stream has ended", async () => {
    let end = () => {};
    const line = openLine(({ raw }) => {
      if (raw.target !== "/0") return plain("second");
      return new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(latin1("first"));
            end = () => controller.close();
          },
        }),
      );
    });
    line.say(Buffer.concat([get("/0"), get("/1")]));
    await settled();
    assert.equal(line.heard.length, 1);
    assert.ok(line.more().endsWith("first\r\n"));
    end();
    await settled();
    assert.equal(line.heard.length, 2);
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["first", "second"]);
  });

  it("wait until the client has taken the answers in front of them", async () => {
    const line = openLine(({ raw }) => plain(raw.target === "/0" ? "x".repeat(300_000) : "second"));
    line.stall();
    line.say(Buffer.concat([get("/0"), get("/1")]));
    await settled();
    assert.equal(line.heard.length, 1);
    line.takeOn();
    await until("the second request", () => line.heard.length === 2);
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body.length), [300_000, 6]);
  });

  it("are held back beyond 64 KiB, and lose nothing", async () => {
    const first = awaited<Response>();
    const line = openLine(({ raw }) => (raw.target === "/0" ? first.promise : plain("")));
    line.say(get("/0"));
    const many = 100;
    for (let count = 0; count < many; count++) line.say(get("/x", `\nX: ${"x".repeat(kibibyte)}`));
    await settled();
    assert.ok(line.socket.isPaused());
    first.resolve(plain(""));
    await until("all of them", () => line.heard.length === many + 1);
    await settled();
    assert.equal(answersIn(line.taken()).length, many + 1);
    assert.equal(line.socket.isPaused(), false);
  });

  it("are not served behind one that ends the connection", async () => {
    for (const first of [get("/", "\nConnection: close"), head("GET / HTTP/1.0\nHost: a.test")]) {
      const line = openLine();
      line.say(Buffer.concat([first, get("/never")]));
      line.say(get("/never"));
      await settled();
      assert.equal(line.heard.length, 1);
      const [answer, ...more] = answersIn(line.taken());
      assert.deepEqual([answer?.fields.get("connection"), more.length], ["close", 0]);
      assert.ok(line.isEnded());
    }
  });
});

describe("a request's body", () => {
  it("is there whole when all of it came with the head, until somebody begins to read it", async () => {
    const line = openLine();
    line.say(post("Content-Length: 3", "abc"));
    line.say(chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"));
    await settled();
    for (const { raw, request } of line.heard) {
      assert.equal(Buffer.from((await raw.whole(3))!).toString(), "abc");
      assert.equal(await request.text(), "abc");
      assert.equal(raw.whole(3), undefined);
    }
  });

  it("is not whole before its end has come", async () => {
    const answer = awaited<Response>();
    const line = openLine(() => answer.promise);
    line.say(post("Content-Length: 3", "ab"));
    await settled();
    assert.equal(line.heard[0]?.raw.whole(3), undefined);
    line.say("c");
    await settled();
    assert.equal(Buffer.from((await line.heard[0]?.raw.whole(3))!).toString(), "abc");
  });

  it("is read as it comes", async () => {
    const line = openLine(() => new Promise<Response>(() => {}));
    line.say(chunked("1\r\na\r\n"));
    await settled();
    const reader = line.heard[0]!.request.body!.getReader();
    const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
    assert.equal(await next(), "a");
    const second = next();
    line.say("2\r\nbc\r\n");
    assert.equal(await second, "bc");
    line.say("0\r\n\r\n");
    assert.equal((await reader.read()).done, true);
  });

  it("is held back beyond 64 KiB while nobody reads, and goes on when somebody does", async () => {
    const line = openLine(async ({ request }) => {
      await asked.promise;
      return plain(String((await request.arrayBuffer()).byteLength));
    });
    const asked = awaited<void>();
    const piece = Buffer.alloc(16 * kibibyte, "x");
    line.say(post(`Content-Length: ${40 * piece.length}`));
    for (let count = 0; count < 40; count++) line.say(piece);
    await settled();
    assert.ok(line.socket.isPaused());
    assert.ok(line.socket.readableLength >= 35 * piece.length, "what is beyond that stays in the socket");
    asked.resolve();
    await until("the answer", () => line.taken() !== "");
    await settled();
    assert.equal(answersIn(line.taken())[0]?.body, String(40 * piece.length));
    assert.equal(line.socket.isPaused(), false);
  });

  it("that nobody wants is read away, and the connection used again", async () => {
    const line = openLine();
    const mebibyte = 1024 * kibibyte;
    line.say(post(`Content-Length: ${mebibyte}`));
    await settled();
    assert.equal(answersIn(line.taken()).length, 1);
    assert.equal(line.alarms.due(), limits.idleTimeout, "the rest is not waited for without end");
    line.say(Buffer.alloc(mebibyte - 1, "x"));
    await settled();
    assert.equal(line.heard.length, 1);
    line.say(Buffer.concat([latin1("x"), get("/next")]));
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["/post", "/next"]);
    assert.equal(line.isEnded(), false);
  });

  it("that nobody wants and that is too long ends the connection", async () => {
    const line = openLine();
    line.say(post("Transfer-Encoding: chunked", "200000\r\n"));
    await settled();
    line.say(Buffer.alloc(1024 * kibibyte - 100, "x"));
    await settled();
    assert.equal(line.isEnded(), false);
    line.say(Buffer.alloc(200, "x"));
    await settled();
    assert.ok(line.isEnded());
    assert.equal(line.alarms.due(), lingerMs);
    line.say(get("/never"));
    await settled();
    assert.equal(line.heard.length, 1);
  });

  it("that nobody wants and that is announced too long ends the connection with the answer, which says so", async () => {
    const line = openLine();
    line.say(post("Content-Length: 99999999", "abc"));
    await settled();
    assert.match(line.taken(), /\r\nConnection: close\r\n/);
    assert.ok(line.isEnded());
  });

  it("of a GET is taken whole, also where it comes in pieces", async () => {
    const line = openLine(async ({ raw }) => plain(Buffer.from((await raw.whole(6))!).toString()));
    line.say(Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc"));
    await settled();
    assert.equal(line.taken(), "");
    line.say(Buffer.from("def"));
    await settled();
    assert.match(line.taken(), /abcdef/);
  });

  it("in a thousand chunks of a byte comes to its reader in one piece", async () => {
    let first = 0;
    const line = openLine(async ({ request }) => {
      await settled();
      first = (await request.body!.getReader().read()).value!.length;
      return plain("");
    });
    line.say(post("Transfer-Encoding: chunked", `${"1\r\nx\r\n".repeat(1000)}0\r\n\r\n`));
    await settled();
    await settled();
    assert.equal(first, 1000);
  });

  it("of pipelined requests beyond 64 KiB stays in the client's socket", async () => {
    const line = openLine(() => new Promise<Response>(() => {}));
    line.say(get("/first"));
    await settled();
    line.say(Buffer.alloc(100 * kibibyte, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    await settled();
    assert.equal(line.socket.isPaused(), true);
  });

  it("that nobody wants and that does not end in time ends the connection", async () => {
    const line = openLine();
    line.say(post("Content-Length: 10", "abc"));
    await settled();
    line.alarms.ring();
    await settled();
    assert.ok(line.socket.destroyed);
  });

  it("that turns out malformed when it is not wanted any more ends the connection", async () => {
    const line = openLine();
    line.say(chunked("1\r\n"));
    await settled();
    line.say("abc");
    await settled();
    assert.deepEqual(line.refused, []);
    assert.equal(answersIn(line.taken()).length, 1);
    assert.ok(line.isEnded());
  });

  const broken: readonly (readonly [what: string, bytes: string])[] = [
    ["a size that is none", "xyz\r\n"],
    ["a size with a sign", "+1\r\na\r\n"],
    ["a size in hexadecimal as others write it", "0x1\r\na\r\n"],
    ["a size with a space behind it", "1 \r\na\r\n"],
    ["a size with a space before it", " 1\r\na\r\n"],
    ["an empty size", "\r\n"],
    ["a size that no number holds", "fffffffffffffffff\r\n"],
    ["a bare LF after a size", "1\na\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "1;a\nb\r\na\r\n0\r\n\r\n"],
    ["a bare CR in an extension", "1;a\rb\r\na\r\n0\r\n\r\n"],
    ["a NUL in an extension", "1;\0\r\na\r\n"],
    ["a chunk longer than its size", "1\r\nab\r\n"],
    ["a chunk's end without CR", "1\r\na\n0\r\n\r\n"],
    ["a chunk's end without LF", "1\r\na\r0\r\n\r\n"],
    ["a trailer that is none", "0\r\nnonsense\r\n\r\n"],
    ["a trailer with a space before its colon", "0\r\nX : y\r\n\r\n"],
    ["a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"],
    ["a bare LF after the last chunk", "0\r\n\nGET /smuggled HTTP/1.1\r\n\r\n"],
    ["trailers without end", `0\r\nX: ${"x".repeat(17 * kibibyte)}`],
    ["an extension without end", `1;${"x".repeat(17 * kibibyte)}`],
  ];

  for (const [what, bytes] of broken) {
    it(`with ${what} fails while it is served, and ends the connection after the answer`, async () => {
      const answer = awaited<Response>();
      const line = openLine(() => answer.promise);
      line.say(chunked("3\r\nabc\r\n"));
      await settled();
      const reader = line.heard[0]!.request.body!.getReader();
      assert.equal(Buffer.from((await reader.read()).value!).toString(), "abc");
      const rest = reader.read().then(async ({ done }) => done || (await reader.read()));
      line.say(bytes);
      line.say(get("/never"));
      await assert.rejects(rest);
      assert.equal(line.taken(), "");
      answer.resolve(plain("too bad"));
      await settled();
      const [given, ...more] = answersIn(line.taken());
      assert.deepEqual([given?.body, given?.fields.get("connection"), more.length], ["too bad", "close", 0]);
      assert.equal(line.heard.length, 1);
      assert.ok(line.isEnded());
    });
  }

  it("that is malformed as it comes with its head is refused", async () => {
    const line = openLine();
    line.say(chunked("xyz\r\n"));
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["malformed_request"]);
    assert.equal(line.heard.length, 0);
    assert.ok(line.isEnded());
  });
});

describe("a client that waits to be asked for its body", () => {
  const waiting = (version = "1.1") => post("Content-Length: 3\nExpect: 100-continue", "", version);
  const goOn = "HTTP/1.1 100 Continue\r\n\r\n";

  it("is asked when the app wants it, once", async () => {
    const line = openLine(async ({ raw, request }) => {
      raw.ask?.();
      raw.ask?.();
      return plain(await request.text());
    });
    line.say(waiting());
    await settled();
    assert.equal(line.taken(), goOn);
    line.say("abc");
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ status, body }) => [status, body]), [[100, ""], [200, "abc"]]);
    assert.equal(answersIn(line.taken())[1]?.fields.get("connection"), undefined);
    line.say(get("/next"));
    await settled();
    assert.equal(line.heard.length, 2);
  });

  it("is not asked when nobody wants the body, and may not use the connection again", async () => {
    const line = openLine();
    line.say(waiting());
    await settled();
    const [answer, ...more] = answersIn(line.taken());
    assert.deepEqual([answer?.status, answer?.fields.get("connection"), more.length], [200, "close", 0]);
    assert.ok(line.isEnded());
  });

  it("is not asked when it sends the body all the same", async () => {
    const line = openLine(async ({ raw, request }) => {
      raw.ask?.();
      return plain(await request.text());
    });
    line.say(Buffer.concat([waiting(), latin1("a")]));
    await settled();
    line.say("bc");
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ status, body }) => [status, body]), [[200, "abc"]]);
  });

  it("is not asked in HTTP/1.0, nor if it has no body", async () => {
    const line = openLine(({ raw }) => {
      raw.ask?.();
      return plain("");
    });
    line.say(get("/", "\nExpect: 100-continue"));
    await settled();
    assert.deepEqual(answersIn(line.more()).map(({ status }) => status), [200]);
    line.say(Buffer.concat([waiting("1.0"), latin1("abc")]));
    await settled();
    assert.deepEqual(answersIn(line.more()).map(({ status }) => status), [200]);
  });

  it("gets other interim answers as they come, but no 100 of a backend's, and none in HTTP/1.0", async () => {
    const answer = awaited<Response>();
    const line = openLine(({ raw }) => (raw.target === "/1" ? answer.promise : new Promise(() => {})));
    line.say(get("/1"));
    await settled();
    const { raw } = line.heard[0]!;
    raw.onInterim?.(100, []);
    raw.onInterim?.(103, ["Link", "</a>", "Connection", "x", "Content-Length", "5"]);
    await settled();
    assert.equal(line.more(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    answer.resolve(plain(""));
    await settled();
    line.more();
    line.say(head("GET / HTTP/1.0\nConnection: keep-alive"));
    await settled();
    assert.equal(line.heard.length, 2);
    line.heard[1]!.raw.onInterim?.(103, []);
    await settled();
    assert.equal(line.more(), "");
  });
});

describe("a client that leaves", () => {
  const ways = ["leave", "break"] as const;

  for (const way of ways) {
    const told = (heard: ReturnType<typeof openLine>["heard"]) => {
      let count = 0;
      heard[0]!.client.onLeave(() => void count++);
      return () => count;
    };

    it(`(${way}) before its answer is heard of once, and its answer is let go`, async () => {
      const answer = awaited<Response>();
      const line = openLine(() => answer.promise);
      line.say(get());
      await settled();
      const count = told(line.heard);
      const stop = line.heard[0]!.client.onLeave(() => assert.fail("nobody listens any more"));
      stop();
      const { signal } = line.heard[0]!.request;
      assert.equal(signal.aborted, false);
      line[way]();
      await settled();
      assert.equal(count(), 1);
      assert.equal(signal.aborted, true);
      let cancelled = false;
      answer.resolve(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })));
      await settled();
      assert.deepEqual([cancelled, line.taken(), count()], [true, "", 1]);
      assert.equal(line.alarms.count(), 0);
    });

    it(`(${way}) in the middle of its body fails the body`, async () => {
      const line = openLine(() => new Promise<Response>(() => {}));
      line.say(post("Content-Length: 10", "abc"));
      await settled();
      const count = told(line.heard);
      const { request } = line.heard[0]!;
      const text = request.text();
      line[way]();
      await assert.rejects(text);
      assert.equal(count(), 1);
      assert.equal(line.heard[0]!.raw.whole(10), undefined);
    });

    it(`(${way}) in the middle of its answer has it cancelled`, async () => {
      let cancelled = false;
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(latin1("abc")),
        cancel: () => void (cancelled = true),
      });
      const line = openLine(() => new Response(body));
      line.say(get());
      await settled();
      const count = told(line.heard);
      line[way]();
      await settled();
      assert.deepEqual([cancelled, count()], [true, 1]);
      assert.ok(line.socket.destroyed);
    });

    it(`(${way}) while its unwanted body is read away is heard of`, async () => {
      const line = openLine();
      line.say(post("Content-Length: 10", "abc"));
      await settled();
      const count = told(line.heard);
      line[way]();
      await settled();
      assert.equal(count(), 1);
      assert.ok(line.socket.destroyed);
    });

    it(`(${way}) between two requests, or before any, leaves nothing behind`, async () => {
      for (const requests of [[], [get()]]) {
        const line = openLine();
        for (const request of requests) line.say(request);
        await settled();
        line[way]();
        await settled();
        assert.ok(line.socket.destroyed);
        assert.equal(line.alarms.count(), 0);
      }
    });
  }

  it("while the app still makes up its mind does not keep it from failing", async () => {
    const answer = awaited<Response>();
    const line = openLine(() => answer.promise);
    line.say(get());
    await settled();
    line.leave();
    await settled();
    answer.reject(new Error("nobody is there"));
    await settled();
    assert.equal(line.taken(), "");
  });
});

describe("the end of an exchange", () => {
  it("is told once, after its answer, to whoever still listens, and to nobody else", async () => {
    const told: string[] = [];
    const line = openLine(({ client, raw }) => {
      client.onLeave(() => told.push(`first ${raw.target}`));
      const stop = client.onLeave(() => told.push("never"));
      stop();
      return plain("");
    });
    line.say(get("/1"));
    await settled();
    assert.deepEqual(told, ["first /1"]);
    line.say(get("/2"));
    await settled();
    assert.deepEqual(told, ["first /1", "first /2"]);
    line.leave();
    await settled();
    assert.deepEqual(told, ["first /1", "first /2"]);
  });

  it("leaves nothing of it behind on its connection", { skip: noCollecting }, async () => {
    const collect = await collector();
    const kept: WeakRef<object>[] = [];
    const wire = plainWire();
    const answers = [() => plain("whole"), () => new Response(scriptedEnd()), () => new Response(null)];
    const app: App = {
      fetch(request, env) {
        env.client.onLeave(() => kept.length);
        void request.signal;
        const response = answers[kept.length / 3]!();
        kept.push(new WeakRef(request), new WeakRef(env), new WeakRef(response));
        return response;
      },
      refuse: () => assert.fail("nothing is refused"),
    };
    const origin = { address: undefined, port: undefined, secure: false };
    const connection = serveConnection(wire.socket, origin, app, limits, manualAlarms());
    for (let count = 0; count < 3; count++) {
      wire.say(post("Content-Length: 3", "abc"));
      await settled();
    }
    assert.equal(kept.length, 9);
    collect();
    assert.deepEqual(kept.map((each) => each.deref()), kept.map(() => undefined));
    connection.cut();
  });

  it("leaves no word of it to the next", async () => {
    const second = awaited<Response>();
    const line = openLine(({ raw }) => (raw.target === "/1" ? plain("") : second.promise));
    line.say(Buffer.concat([get("/1"), get("/2")]));
    await until("the second", () => line.heard.length === 2);
    line.more();
    line.heard[0]!.raw.onInterim?.(103, ["Link", "</late>"]);
    await settled();
    assert.equal(line.more(), "");
    let count = 0;
    line.heard[0]!.client.onLeave(() => void count++);
    assert.equal(count, 1, "who asks later is told at once");
    assert.equal(line.heard[0]!.request.signal.aborted, true);
    assert.equal(line.heard[1]!.request.signal.aborted, false);
  });
});

describe("a connection's time", () => {
  it("is the head's at first, and a client that says nothing is left without a word", async () => {
    const line = openLine();
    assert.equal(line.alarms.due(), limits.headTimeout);
    line.alarms.ring();
    await settled();
    assert.equal(line.taken(), "");
    assert.ok(line.socket.destroyed);
    assert.equal(line.alarms.count(), 0);
  });

  it("is not prolonged by a head that comes slowly", async () => {
    for (const first of [[], [get("/before")]]) {
      const line = openLine();
      for (const bytes of first) line.say(bytes);
      await settled();
      line.say("GET /slow HTT");
      await settled();
      assert.equal(line.alarms.history.at(-1), limits.headTimeout);
      const { length } = line.alarms.history;
      for (const byte of latin1("P/1.1\r\nHost: a")) line.say(Uint8Array.of(byte));
      await settled();
      assert.equal(line.alarms.history.length, length);
    }
  });

  it("is over for a head that does not come to its end", async () => {
    const line = openLine();
    line.say("GET /slow HTTP/1.1\r\nHo");
    await settled();
    line.alarms.ring();
    await settled();
    const [answer, ...more] = answersIn(line.taken());
    assert.deepEqual([answer?.status, answer?.body, more.length], [408, "request_timeout", 0]);
    assert.ok(line.isEnded());
    assert.equal(line.alarms.due(), lingerMs);
    line.alarms.ring();
    await settled();
    assert.ok(line.socket.destroyed);
  });

  it("is not counted while a request is served", async () => {
    const answer = awaited<Response>();
    const line = openLine(() => answer.promise);
    line.say(get());
    await settled();
    assert.equal(line.alarms.due(), undefined);
    answer.resolve(plain(""));
    await settled();
    assert.equal(line.alarms.due(), limits.idleTimeout);
  });

  it("is over between two requests after the idle time, without a word", async () => {
    const line = openLine();
    line.say(get());
    await settled();
    line.more();
    line.alarms.ring();
    await settled();
    assert.equal(line.more(), "");
    assert.ok(line.socket.destroyed);
  });

  it("is not over while the client still takes its answer", async () => {
    const line = openLine(() => plain("x".repeat(1000)));
    line.stall();
    line.say(get());
    await settled();
    line.alarms.ring();
    assert.equal(line.socket.destroyed, false);
    assert.equal(line.alarms.due(), limits.idleTimeout);
    line.takeOn();
    await settled();
    line.alarms.ring();
    await settled();
    assert.equal(answersIn(line.taken())[0]?.body.length, 1000);
    assert.ok(line.socket.destroyed);
  });

  it("goes on a moment after the last answer, for what the client still sends", async () => {
    const line = openLine();
    line.say(get("/", "\nConnection: close"));
    await settled();
    assert.ok(line.isEnded());
    assert.equal(line.socket.destroyed, false);
    line.say(Buffer.alloc(300_000));
    await settled();
    assert.equal(line.socket.readableLength, 0, "it is read, so that no reset takes the answer away");
    assert.equal(line.alarms.due(), lingerMs);
    line.leave();
    await settled();
    assert.ok(line.socket.destroyed);
    assert.equal(line.alarms.count(), 0);
  });
});

describe("a connection that is closed", () => {
  it("ends at once where nothing is served", async () => {
    for (const requests of [[], [get()]]) {
      const line = openLine();
      for (const request of requests) line.say(request);
      await settled();
      line.connection.close();
      await settled();
      assert.ok(line.socket.destroyed);
    }
  });

  it("ends after the answer that is on its way, which says so", async () => {
    const answer = awaited<Response>();
    const line = openLine(() => answer.promise);
    line.say(Buffer.concat([get(), get("/never")]));
    await settled();
    line.connection.close();
    await settled();
    assert.equal(line.socket.destroyed, false);
    answer.resolve(plain("last"));
    await settled();
    const [given, ...more] = answersIn(line.taken());
    assert.deepEqual([given?.body, given?.fields.get("connection"), more.length], ["last", "close", 0]);
    assert.equal(line.heard.length, 1);
    assert.ok(line.isEnded());
  });

  it("ends after the answer that has begun", async () => {
    let end = () => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(latin1("begun"));
        end = () => controller.close();
      },
    });
    const line = openLine(() => new Response(body));
    line.say(get());
    await settled();
    line.connection.close();
    end();
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body, end }) => [body, end]), [["begun", "chunked"]]);
    assert.ok(line.isEnded());
  });

  it("serves the request whose head has begun to come", async () => {
    const line = openLine();
    line.say("GET /half HTTP/1.1\r\n");
    await settled();
    line.connection.close();
    line.say("Host: a.test\r\n\r\n");
    await settled();
    const [answer] = answersIn(line.taken());
    assert.deepEqual([answer?.body, answer?.fields.get("connection")], ["/half", "close"]);
    assert.ok(line.isEnded());
  });

  it("is cut whatever it does", async () => {
    let left = 0;
    const line = openLine(({ client }) => {
      client.onLeave(() => void left++);
      return new Promise<Response>(() => {});
    });
    line.say(get());
    await settled();
    line.connection.cut();
    await settled();
    assert.ok(line.socket.destroyed);
    assert.equal(left, 1);
    assert.equal(line.alarms.count(), 0);
  });
});

describe("what may be kept of a connection", () => {
  it("is said by HTTP/1.1 and HTTP/1.0 in their ways", async () => {
    for (
      const [request, connection, ends] of [
        [head("GET / HTTP/1.1\nHost: a"), undefined, false],
        [head("GET / HTTP/1.1\nHost: a\nConnection: keep-alive"), undefined, false],
        [head("GET / HTTP/1.1\nHost: a\nConnection: close"), "close", true],
        [head("GET / HTTP/1.0"), "close", true],
        [head("GET / HTTP/1.0\nConnection: keep-alive"), "keep-alive", false],
      ] as const
    ) {
      const line = openLine(() => plain("x", { headers: { "content-length": "1" } }));
      line.say(request);
      await settled();
      const [answer] = answersIn(line.taken());
      assert.deepEqual([answer?.fields.get("connection"), line.isEnded()], [connection, ends], request.toString());
    }
  });

  it("is used again for as many requests as come", async () => {
    const line = openLine(echoTarget);
    for (let count = 0; count < 300; count++) {
      line.say(get(`/${count}`));
      await settled();
    }
    assert.deepEqual(
      answersIn(line.taken()).map(({ body }) => body),
      Array.from({ length: 300 }, (_, count) => `/${count}`),
    );
  });
});
