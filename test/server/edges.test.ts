import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { createExchange } from "../../src/server/exchange.ts";
import { createHttp1Server } from "../../src/server/http1-server.ts";
import { createInbox } from "../../src/server/inbox.ts";
import { lazyRequest } from "../../src/server/lazy-request.ts";
import { parseRequestHead } from "../../src/server/request-head.ts";
import { serveConnection } from "../../src/server/connection.ts";
import { fakeSocket, settled } from "../support/fake-socket.ts";
import { latin1 } from "../transports/http1/reading.ts";
import { answersIn, createApp, head, limits, manualAlarms, openLine, plain, plainWire, scripted } from "./serving.ts";

const origin = { address: "192.0.2.1", port: 8080, secure: false };
const get = head("GET / HTTP/1.1\nHost: a.test");
const post = (fields: string, body = "") =>
  Buffer.concat([head(`POST / HTTP/1.1\nHost: a.test\n${fields}`), latin1(body)]);
const lazy = (text: string) =>
  lazyRequest({
    head: parseRequestHead(text.replaceAll("\n", "\r\n")),
    secure: false,
    body: () => new Response("abc").body!,
    onLeave: () => () => {},
  });

describe("an app at fault", () => {
  it("that throws is no fault of the socket's, and ends the connection", async () => {
    const wire = plainWire();
    const app = createApp(() => assert.fail("a fault"), [], []);
    serveConnection(wire.socket, origin, app, limits, manualAlarms());
    assert.doesNotThrow(() => wire.say(get));
    await settled();
    assert.ok(wire.isOver());
  });

  it("that gives a Response which was read already ends the connection, and nothing else", async () => {
    const line = openLine(async () => {
      const used = plain("abc");
      await used.text();
      return used;
    });
    line.say(get);
    await settled();
    assert.ok(line.socket.destroyed);
  });

  it("that announces a length and has no body leaves the client no way to take the next answer for it", async () => {
    let asked = 0;
    const line = openLine(() =>
      asked++ === 0 ? new Response(null, { headers: { "content-length": "5" } }) : plain("next")
    );
    line.say(Buffer.concat([get, get]));
    await settled();
    assert.ok(line.socket.destroyed);
    assert.doesNotMatch(line.taken(), /next/);
  });

  it("that announces a length which is none leaves the client no way to read on", async () => {
    const line = openLine(() => plain("abc", { headers: { "content-length": "3, 3" } }));
    line.say(get);
    await settled();
    const isMisleading = /content-length: 3, 3/i.test(line.taken());
    assert.ok(!isMisleading || line.isEnded());
  });

  it("that says more than it announced is told that nobody reads on", async () => {
    const { body, write, cancelled } = scripted();
    const line = openLine(() => new Response(body, { headers: { "content-length": "1" } }));
    line.say(get);
    await settled();
    write("abc");
    await settled();
    assert.equal(cancelled(), true);
  });

  it("that asks for the body in the middle of its answer puts nothing into the answer", async () => {
    const { body, write, end } = scripted();
    const line = openLine(() => new Response(body));
    line.say(post("Content-Length: 3\nExpect: 100-continue"));
    await settled();
    write("abc");
    await settled();
    line.heard[0]!.raw.ask?.();
    write("def");
    end();
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body, end }) => [body, end]), [["abcdef", "chunked"]]);
  });

  it("that asks for a body after its exchange has ended does not ask for the next one's", async () => {
    const line = openLine(({ raw }) => (raw.target === "/" ? plain("") : new Promise<Response>(() => {})));
    line.say(get);
    await settled();
    line.say(head("POST /next HTTP/1.1\nHost: a.test\nContent-Length: 3\nExpect: 100-continue"));
    await settled();
    line.more();
    line.heard[0]!.raw.ask?.();
    await settled();
    assert.equal(line.more(), "");
  });
});

describe("an answer of 204", () => {
  // "A server MUST NOT send a Content-Length header field in any response with a status code of … 204" (RFC 9110 §8.6).
  it("has no length, whatever the app says", async () => {
    const line = openLine(() => new Response(null, { status: 204, headers: { "content-length": "0" } }));
    line.say(get);
    await settled();
    assert.doesNotMatch(line.taken(), /content-length/i);
  });
});

describe("a request of HTTP/1.0", () => {
  // "If the 'close' connection option is present, the connection will not persist" comes first (RFC 9112 §9.3).
  it("that says both keep-alive and close is the last on its connection", () => {
    assert.equal(parseRequestHead("GET / HTTP/1.0\r\nConnection: keep-alive, close").keepAlive, false);
  });
});

describe("a body", () => {
  it("that turns out malformed after its answer has begun ends the connection with the answer", async () => {
    const { body, write, end } = scripted();
    const line = openLine(() => new Response(body));
    line.say(post("Transfer-Encoding: chunked", "3\r\nabc\r\n"));
    await settled();
    write("abc");
    await settled();
    line.say("nonsense\r\n");
    end();
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body, end }) => [body, end]), [["abc", "chunked"]]);
    assert.ok(line.isEnded());
  });

  for (const read of ["nobody reads", "was taken whole"]) {
    it(`of more than 64 KiB that has come and ${read} does not hide that the client leaves`, async () => {
      let left = 0;
      const line = openLine(async ({ client, raw }) => {
        client.onLeave(() => void left++);
        if (read === "was taken whole") assert.equal((await raw.whole(70_000))?.byteLength, 70_000);
        return await new Promise<Response>(() => {});
      });
      line.say(post("Content-Length: 70000", "x".repeat(70_000)));
      await settled();
      assert.equal(line.heard.length, 1);
      line.leave();
      await settled();
      assert.equal(left, 1);
    });
  }

  it("whose rest was thrown away does not seem whole to who still reads it", async () => {
    for (const fields of ["Content-Length: 6", "Content-Length: 6\nConnection: close"]) {
      let outcome = "it waits without end";
      const line = openLine(({ request }) => {
        request.text().then((text) => (outcome = `all of it: ${text}`), () => (outcome = "a failure"));
        return plain("early");
      });
      line.say(post(fields, "abc"));
      await settled();
      line.say("def");
      await settled();
      line.leave();
      await settled();
      assert.equal(outcome, "a failure", fields);
    }
  });

  it("of which nobody wants the rest fails for who waits for it", async () => {
    const inbox = createInbox(() => {}, () => {});
    const reader = inbox.stream().getReader();
    const next = reader.read().then(({ done }) => (done ? "its end" : "bytes"), () => "a failure");
    inbox.discard();
    inbox.push(latin1("abc"));
    inbox.end([]);
    assert.equal(await next, "a failure");
  });

  it("is asked for when the Request's own is read, as a middleware does", async () => {
    const line = openLine(async ({ request }) => plain(await request.text()));
    line.say(post("Content-Length: 3\nExpect: 100-continue"));
    await settled();
    assert.equal(line.more(), "HTTP/1.1 100 Continue\r\n\r\n");
  });
});

describe("a connection that is closed", () => {
  it("while the client still takes its answer ends after it, and does not wait for the idle time", async () => {
    const line = openLine(() => plain("answer"));
    line.stall();
    line.say(get);
    await settled();
    line.connection.close();
    line.takeOn();
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["answer"]);
    assert.ok(line.isEnded());
  });

  it("is closed for everybody who waits for it", async () => {
    const http1 = createHttp1Server(createApp(() => new Promise<Response>(() => {}), [], []), limits);
    const { socket, say } = fakeSocket({ allowHalfOpen: true });
    http1.take(socket);
    say(get);
    await settled();
    let closed = 0;
    for (let count = 0; count < 2; count++) void http1.close().then(() => closed++);
    http1.cut();
    await settled();
    assert.equal(closed, 2);
  });
});

describe("who listens for an exchange's end", () => {
  it("is told once, also when it began after the end", async () => {
    const exchange = createExchange(parseRequestHead("GET / HTTP/1.1"), undefined, {
      origin,
      ask() {},
      onInterim() {},
    });
    let told = 0;
    exchange.env.client.onLeave(() => {});
    exchange.finish();
    exchange.env.client.onLeave(() => void told++);
    await settled();
    assert.equal(told, 1);
  });

  it("is not told when another listener has stopped it", () => {
    const exchange = createExchange(parseRequestHead("GET / HTTP/1.1"), undefined, {
      origin,
      ask() {},
      onInterim() {},
    });
    let told = 0;
    exchange.env.client.onLeave(() => stop());
    const stop = exchange.env.client.onLeave(() => void told++);
    exchange.leave();
    assert.equal(told, 0);
  });
});

describe("a request of the server's", () => {
  it("can be read in all that a Request has on this runtime", () => {
    const request = lazy("GET / HTTP/1.1\nHost: a.test");
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
      if (get !== undefined) assert.doesNotThrow(() => request[name as keyof Request], name);
    }
  });

  it("for a port that there is not has a URL all the same", () => {
    assert.ok(URL.canParse(lazy("GET /x HTTP/1.1\nHost: a.test:99999").url));
  });

  it("whose target names a user can be looked into", () => {
    assert.equal(lazy("GET http://user:secret@b.test/x HTTP/1.1\nHost: a.test").headers.get("host"), "a.test");
  });

  it("of a method in lower case can be looked into, body or not", () => {
    assert.equal(lazy("get / HTTP/1.1\nHost: a.test\nContent-Length: 3").headers.get("host"), "a.test");
  });
});
