import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { describe, it, mock } from "node:test";
import type { ProxyError } from "../../src/core/errors.ts";
import type { Peer } from "../../src/core/ports.ts";
import { plainResponse } from "../../src/transports/http1/plain-response.ts";
import { http2Transport } from "../../src/transports/http2/http2.ts";
import { clean, type Cleaning, createContext } from "../contracts/transport/context.ts";
import type { SendOptions, Sent } from "../contracts/transport/case.ts";
import { createDeafPort } from "../support/deaf-port.ts";
import { field, flags, frame, frameTypes } from "../support/raw-http2.ts";
import {
  createRawHttp2Backend,
  headOf,
  type RawHttp2Backend,
  type StreamHandler,
} from "../support/raw-http2-backend.ts";
import { eventually, within } from "../support/wait.ts";

const peer: Peer = { protocol: "h2c", tls: undefined };

/** What a backend of node:http2 saw of a stream. */
interface Seen {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly session: object | undefined;
  readonly stream: ServerHttp2Stream;
}

interface Bench {
  send(to: { readonly url: string }, options?: SendOptions): Sent;
  /** A backend of node:http2. */
  backend(
    handler?: (stream: ServerHttp2Stream, fields: Record<string, unknown>) => void,
  ): Promise<{ url: string; seen: Seen[] }>;
  /** One that writes frames. */
  raw(handler: StreamHandler): Promise<RawHttp2Backend>;
  onEnd(step: () => unknown): void;
}

/** Runs with a transport of its own; whatever was opened is closed afterwards, and nobody is listened to any more. */
async function withTransport(run: (bench: Bench) => Promise<void>): Promise<void> {
  const cleaning: Cleaning = [];
  const { send, onEnd } = createContext(http2Transport(plainResponse), { invents: [], gaps: {} }, cleaning, peer);
  const greet = (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.end("ok");
  };
  try {
    await within(
      15_000,
      "the end",
      run({
        send,
        onEnd,
        async backend(handler = greet) {
          const seen: Seen[] = [];
          const server: Http2Server = createServer();
          const sessions = new Set<ServerHttp2Session>();
          server.on("session", (session) => void sessions.add(session));
          server.on("sessionError", () => {});
          server.on("stream", (stream, fields) => {
            stream.on("error", () => {});
            seen.push({ fields, session: stream.session, stream });
            handler(stream, fields);
          });
          server.listen(0, "127.0.0.1");
          await once(server, "listening");
          onEnd(() => {
            for (const session of sessions) session.destroy();
            server.close();
          });
          return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
        },
        async raw(handler) {
          const backend = await createRawHttp2Backend(handler);
          onEnd(backend.close);
          return backend;
        },
      }),
    );
  } finally {
    await clean(cleaning);
  }
}

const textOf = async (sent: Sent) => (await sent.answer).text();
const data = (stream: number, text: string, flag: number = flags.endStream) =>
  frame(frameTypes.data, flag, stream, Buffer.from(text));
const resetWith = (stream: number, code: number) => frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, code]));
const goaway = (last: number) => {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(last);
  return frame(frameTypes.goaway, 0, 0, payload);
};

const skip = "Deno" in globalThis ? "on Deno HTTP/2 is not spoken to backends" : false;

describe("http2Transport", { skip }, () => {
  const test = (name: string, run: (bench: Bench) => Promise<void>) =>
    it(name, { timeout: 20_000 }, () => withTransport(run));

  test("sends nothing for who has given up waiting for a further connection", async ({ send, onEnd }) => {
    const seen: unknown[] = [];
    const server = createServer({ settings: { maxConcurrentStreams: 1 } });
    server.on("sessionError", () => {}).on("stream", (stream, fields) => {
      stream.on("error", () => {});
      seen.push(fields[":path"]); // and answers never
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // Connections go no further before they are let through.
    const gates: (() => void)[] = [];
    const sockets: Socket[] = [];
    const front = createTcpServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      gates.push(() => {
        const inner = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
        sockets.push(inner);
        socket.pipe(inner).pipe(socket);
      });
    });
    front.listen(0, "127.0.0.1");
    await once(front, "listening");
    onEnd(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
      front.close();
    });
    const backend = { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}` };
    const unanswered = (target: string, connectMs: number) => {
      const { answer, error } = send(backend, { method: "POST", target, connectMs });
      answer.catch(() => {});
      return error;
    };

    void unanswered("/first", 5000);
    const impatient = unanswered("/impatient", 300);
    await eventually(3000, "a connection", async () => gates.length === 1 || undefined);
    gates[0]!();
    await eventually(3000, "a further connection", async () => gates.length === 2 || undefined);
    assert.equal((await impatient()).code, "connection_timeout");
    gates[1]!();
    void unanswered("/last", 5000);
    await eventually(3000, "the last request", async () => seen.includes("/last") || undefined);
    assert.deepEqual(seen, ["/first", "/last"]);
  });

  test("sends method, target and fields as HTTP/2 has them, and Host as :authority", async ({ send, backend }) => {
    const main = await backend();
    const sent = send(main, {
      method: "PUT",
      target: "/a%2Fb//c?d=e&",
      host: "shop.test:8443",
      fields: [["X-Name", "value"], ["X-List", "1"], ["X-List", "2"], ["Connection", "close"], ["X-Drop", "1"]],
      drop: ["x-drop"],
      set: [["x-set", "ours"]],
      body: "body",
    });
    assert.deepEqual([(await sent.answer).status, await textOf(sent)], [200, "ok"]);
    const { fields } = main.seen[0]!;
    assert.deepEqual(
      [fields[":method"], fields[":path"], fields[":authority"], fields[":scheme"]],
      ["PUT", "/a%2Fb//c?d=e&", "shop.test:8443", "http"],
    );
    assert.deepEqual([fields["x-name"], fields["x-list"], fields["x-set"]], ["value", "1, 2", "ours"]);
    assert.deepEqual([fields["x-drop"], fields["connection"], fields["host"]], [undefined, undefined, undefined]);
    assert.equal(fields["content-length"], "4");
    assert.deepEqual(await sent.ended(), { bytes: 2, error: undefined });
  });

  test("shares a connection, also while it is being opened, and opens one of its own for `fresh`", async ({ send, backend }) => {
    const main = await backend();
    await Promise.all(Array.from({ length: 20 }, async () => await textOf(send(main))));
    await textOf(send(main));
    assert.equal(new Set(main.seen.map(({ session }) => session)).size, 1);
    await textOf(send(main, { fresh: true }));
    await textOf(send(main));
    assert.equal(new Set(main.seen.map(({ session }) => session)).size, 2);
    assert.equal(main.seen.at(-1)?.session, main.seen[0]?.session);
  });

  test("gives a connection no more requests after 5 minutes, however busy it is, and cuts nothing on it", async ({ send, backend }) => {
    let finish = () => {};
    const main = await backend((stream, fields) => {
      stream.respond({ ":status": 200 });
      if (fields[":path"] !== "/long") return void stream.end("ok");
      stream.write("first ");
      finish = () => void stream.end("last");
    });
    const connections = () => new Set(main.seen.map(({ session }) => session)).size;
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const long = send(main, { target: "/long" });
      await long.answer;
      for (let minutes = 0; minutes < 5; minutes += 1) {
        assert.equal(await textOf(send(main)), "ok");
        assert.equal(connections(), 1, `after ${minutes} minutes`);
        mock.timers.tick(60_000);
      }
      assert.equal(await textOf(send(main)), "ok");
      assert.equal(connections(), 2);
      const gone = once(main.seen[0]!.stream.session!, "close");
      finish();
      assert.equal(await textOf(long), "first last");
      await gone;
    } finally {
      mock.timers.reset();
    }
  });

  test("streams bodies both ways", async ({ send, backend }) => {
    const main = await backend((stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    let next: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (next = controller) });
    const sent = send(main, { body });
    next!.enqueue(Buffer.from("one"));
    const reader = (await sent.answer).body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), "one");
    next!.enqueue(Buffer.from("two"));
    assert.equal(Buffer.from((await reader.read()).value!).toString(), "two");
    next!.close();
    assert.equal((await reader.read()).done, true);
    assert.deepEqual(await sent.ended(), { bytes: 6, error: undefined });
  });

  test("holds the backend back for a slow reader, while others on the connection are served", async ({ send, backend }) => {
    const chunk = Buffer.alloc(1 << 16, 97);
    let sent = 0;
    const main = await backend((stream, fields) => {
      stream.respond({ ":status": 200 });
      if (fields[":path"] !== "/big") return void stream.end("ok");
      const go = () => {
        while (sent < 1000 * chunk.length) {
          sent += chunk.length;
          if (!stream.write(chunk)) return void stream.once("drain", go);
        }
        stream.end();
      };
      go();
    });
    const reader = (await send(main, { target: "/big" }).answer).body!.getReader();
    await reader.read();
    let last = -1;
    for (let quiet = 0; quiet < 5; last = sent) {
      quiet = sent === last ? quiet + 1 : 0;
      assert.equal(await textOf(send(main)), "ok");
    }
    assert.ok(sent < 3 << 20, `${sent} bytes were taken`);
    let read = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) read += next.value.byteLength;
    assert.ok(read > 999 * chunk.length);
  });

  test("has no body with HEAD, 204 and 304, and keeps several Set-Cookie apart", async ({ send, backend }) => {
    const main = await backend((stream, fields) => {
      const status = Number(String(fields[":path"]).slice(1));
      const head = { ":status": status, "set-cookie": ["a=1", "b=2"] };
      stream.respond(status === 204 ? head : { ...head, "content-length": "5" }, { endStream: true });
    });
    for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]] as const) {
      const sent = send(main, { method, target: `/${status}` });
      const answer = await sent.answer;
      assert.deepEqual([answer.status, answer.body, answer.headers.getSetCookie()], [status, null, ["a=1", "b=2"]]);
      assert.deepEqual(await sent.ended(), { bytes: 0, error: undefined });
    }
  });

  const refusals: readonly [what: string, refuse: (stream: number) => Buffer][] = [
    ["refused", (stream) => resetWith(stream, 7)],
    ["not looked at before a GOAWAY", () => goaway(0)],
  ];
  for (const [what, refuse] of refusals) {
    test(`sends a POST again that was ${what}, once`, async ({ send, raw }) => {
      let requests = 0;
      const main = await raw((stream, write) => {
        requests++;
        if (requests % 2 === 1) write(refuse(stream));
        else write(headOf(stream), data(stream, `request ${requests}`));
      });
      assert.equal(await textOf(send(main, { body: "form" })), "request 2");
      assert.equal(await textOf(send(main, { body: "form" })), "request 4");
    });
  }

  test("gives up on a backend that refuses again: nothing was done", async ({ send, raw }) => {
    let requests = 0;
    const main = await raw((stream, write) => {
      requests++;
      write(resetWith(stream, 7));
    });
    assert.equal((await send(main, { body: "form" }).error()).code, "connection_refused");
    assert.equal(requests, 2);
  });

  const deaths: readonly [what: string, code: number][] = [["a reset", 2], ["a reset as if nothing were wrong", 0]];
  for (const [what, code] of deaths) {
    test(`sends nothing again after ${what}, and says whether the connection was kept`, async ({ send, raw }) => {
      let requests = 0;
      const main = await raw((stream, write, number) => {
        requests++;
        if (number === 1) write(headOf(stream), data(stream, "ok"));
        else write(resetWith(stream, code));
      });
      const first = await send(main, { body: "form" }).error();
      assert.deepEqual([first.code, first.reused], ["connection_terminated", false]);
      await textOf(send(main));
      const second = await send(main, { body: "form" }).error();
      assert.deepEqual([second.code, second.reused, requests], ["connection_terminated", true, 3]);
    });
  }

  test("outlives a GOAWAY: what was seen is answered, what comes later gets another connection", async ({ send, raw }) => {
    const connections: number[] = [];
    const main = await raw((stream, write, number, connection) => {
      connections.push(connection);
      if (number === 0) write(goaway(stream));
      setTimeout(() => write(headOf(stream), data(stream, `answer ${number}`)), number === 0 ? 100 : 0);
    });
    const first = textOf(send(main));
    await eventually(5000, "the first", () => Promise.resolve(connections.length === 1 ? true : undefined));
    // Perhaps on the old connection, where the backend does not look at it.
    const second = textOf(send(main));
    assert.deepEqual([await first, /^answer [12]$/.test(await second)], ["answer 0", true]);
    await textOf(send(main));
    assert.deepEqual(connections.slice(-2), [1, 1]);
  });

  const cuts: readonly [what: string, write: (stream: number) => Buffer[]][] = [
    ["is reset", (stream) => [headOf(stream), data(stream, "part", 0), resetWith(stream, 8)]],
    ["is reset as if nothing were wrong", (stream) => [headOf(stream), data(stream, "part", 0), resetWith(stream, 0)]],
    ["is shorter than announced", (stream) => [headOf(stream, [field("content-length", "9")]), data(stream, "part")]],
    ["is longer than announced", (stream) => [headOf(stream, [field("content-length", "3")]), data(stream, "part")]],
  ];
  for (const [what, bytes] of cuts) {
    test(`breaks a body that ${what}, and tells onEnd`, async ({ send, raw }) => {
      const main = await raw((stream, write) => write(...bytes(stream)));
      const sent = send(main);
      const { status, body } = await sent.answer;
      assert.equal(status, 200);
      await assert.rejects(new Response(body).text());
      const { error } = await sent.ended();
      assert.equal((error as { code?: string }).code, "http_response_incomplete");
    });
  }

  test("passes no line breaks in fields on", async ({ send, raw }) => {
    const main = await raw((stream, write) =>
      write(headOf(stream, [field("x-name", "a\r\nx-evil: 1"), field("x-n\r\nx-evil", "1")]), data(stream, "ok"))
    );
    const told = await send(main).answer.then(({ headers }) => [...headers.keys()], (error: ProxyError) => error.code);
    assert.ok(told === "http_protocol_error" || !String(told).includes("x-"), String(told));
  });

  test("refuses a 205 with content", async ({ send, raw }) => {
    const main = await raw((stream, write) => {
      const head = Buffer.concat([field(":status", "205"), field("content-length", "2")]);
      write(frame(frameTypes.headers, flags.endHeaders, stream, head), data(stream, "ok"));
    });
    assert.equal((await send(main).error()).code, "http_protocol_error");
  });

  test("refuses a status that no Response can carry, and passes answers before the answer over", async ({ send, raw }) => {
    const main = await raw((stream, write, number) => {
      if (number === 0) {
        const early = frame(frameTypes.headers, flags.endHeaders, stream, field(":status", "103"));
        return write(early, headOf(stream), data(stream, "ok"));
      }
      write(frame(frameTypes.headers, flags.endHeaders | flags.endStream, stream, field(":status", "700")));
    });
    assert.equal(await textOf(send(main)), "ok");
    assert.equal((await send(main).error()).code, "http_protocol_error");
  });

  test("refuses an answer without a status", async ({ send, raw }) => {
    const main = await raw((stream, write) =>
      write(frame(frameTypes.headers, flags.endHeaders | flags.endStream, stream, field("x-name", "value")))
    );
    assert.equal((await send(main).error()).row.status, 502);
  });

  test("resets the stream of a client that leaves, before the head and in the body, and keeps the connection", async ({ send, backend }) => {
    const codes: number[] = [];
    const main = await backend((stream, fields) => {
      stream.on("close", () => codes.push(stream.rstCode ?? -1));
      if (fields[":path"] === "/head") return;
      stream.respond({ ":status": 200 });
      if (fields[":path"] === "/body") stream.write("part");
      else stream.end("ok");
    });
    const first = send(main, { target: "/head" });
    await eventually(5000, "the request", () => Promise.resolve(main.seen.length === 1 ? true : undefined));
    first.leave();
    assert.equal((await first.error()).code, "client_aborted");
    const second = send(main, { target: "/body" });
    const reader = (await second.answer).body!.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(((await second.ended()).error as { code?: string }).code, "client_aborted");
    await eventually(5000, "both ends", () => Promise.resolve(codes.length === 2 ? true : undefined));
    assert.deepEqual(codes, [8, 8]);
    assert.equal(await textOf(send(main)), "ok");
    assert.equal(new Set(main.seen.map(({ session }) => session)).size, 1);
  });

  test("stops an upload that is answered early, and breaks one that is not as long as announced", async ({ send, backend }) => {
    const main = await backend((stream, fields) => {
      if (fields[":path"] === "/wait") return;
      stream.respond({ ":status": 413 });
      stream.end("enough");
    });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(Buffer.alloc(1 << 16));
      },
    });
    const sent = send(main, { body: endless });
    assert.deepEqual([(await sent.answer).status, await textOf(sent)], [413, "enough"]);
    const before = pulled;
    assert.equal(await textOf(send(main)), "enough");
    assert.ok(pulled - before < 20);
    const short = send(main, { target: "/wait", body: "four", length: 9 });
    assert.equal((await short.error()).code, "malformed_request");
  });

  test("waits no longer than its deadlines say", async ({ send, backend, onEnd }) => {
    const main = await backend((stream, fields) => {
      if (fields[":path"] !== "/idle") return;
      stream.respond({ ":status": 200 });
      stream.write("part");
    });
    assert.equal((await send(main, { responseMs: 100 }).error()).code, "http_response_timeout");
    const idle = send(main, { target: "/idle", idleMs: 100 });
    await assert.rejects(async () => await (await idle.answer).text());
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.alloc(1 << 16)),
    }, { highWaterMark: 0 });
    assert.equal((await send(main, { body, sendMs: 200 }).error()).code, "http_response_timeout");
    const deaf = await createDeafPort();
    if (deaf === undefined) return;
    onEnd(deaf.close);
    const both = [send(deaf, { connectMs: 200 }), send(deaf, { connectMs: 5000 })];
    for (const sent of both) assert.equal((await sent.error()).code, "connection_timeout");
  });

  test("tells a refused connection and a name that is not there from a stream that was cut", async ({ send, backend }) => {
    const main = await backend();
    const gone = { url: main.url.replace(/\d+$/, "1") };
    assert.equal((await send(gone).error()).code, "connection_refused");
    assert.equal((await send({ url: "http://nowhere.invalid" }).error()).code, "dns_error");
  });

  test("asks nothing of anybody for a client that had left", async ({ send, backend }) => {
    const main = await backend();
    assert.equal((await send(main, { left: true }).error()).code, "client_aborted");
    assert.equal(main.seen.length, 0);
  });
});
