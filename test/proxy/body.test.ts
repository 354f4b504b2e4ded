import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import type { RequestBody } from "../../src/core/ports.ts";
import { type BodyLimits, bodyOf, createBody } from "../../src/proxy/body.ts";
import { readSome } from "../support/scripted-backend.ts";

const all = Number.POSITIVE_INFINITY;
const unlimited: BodyLimits = { keepBytes: 1_000, maxBytes: undefined };

/** A body whose chunks come when they are told to; `asked` counts how often one was asked for. */
function createSource() {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let asked = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (begun) => void (controller = begun),
      pull: () => void asked++,
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    asked: () => asked,
    send: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: () => controller.error(new Error("the connection broke")),
  };
}

/** A body of these chunks, all of them there. */
function bodyFrom(chunks: readonly string[], limits = unlimited) {
  const source = createSource();
  for (const chunk of chunks) source.send(chunk);
  source.end();
  return createBody(source.stream, undefined, limits);
}

const failureOf = (body: RequestBody) => body.failure?.code;
const codeOf = (code: ErrorCode) => (error: unknown) => error instanceof ProxyError && error.code === code;

describe("a request's body", () => {
  it("is passed on as it came, chunk by chunk", async () => {
    const reader = bodyFrom(["one", "two", "three"]).open().getReader();
    const chunks: string[] = [];
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      chunks.push(new TextDecoder().decode(value));
    }
    assert.deepEqual(chunks, ["one", "two", "three"]);
  });

  it("is not read before it is asked for, and then no further than it is asked for", async () => {
    const source = createSource();
    const body = createBody(source.stream, undefined, unlimited);
    const opened = body.open();
    await nextTurn();
    assert.equal(source.asked(), 0);
    source.send("one");
    source.send("two");
    assert.equal(await readSome(opened, 1), "one");
    await nextTurn();
    assert.equal(await readSome(body.open(), 2), "onetwo");
  });

  it("says how long it was announced", () => {
    assert.equal(createBody(createSource().stream, 7, unlimited).length, 7);
    assert.equal(createBody(createSource().stream, undefined, unlimited).length, undefined);
  });
});

describe("a body that is sent again", () => {
  it("is whole as long as it is no longer than what is kept", async () => {
    const body = bodyFrom(["one", "two"], { keepBytes: 6, maxBytes: undefined });
    assert.equal(await readSome(body.open(), all), "onetwo");
    assert.equal(body.replayable, true);
    assert.equal(await readSome(body.open(), all), "onetwo");
    assert.equal(await readSome(body.open(), 1), "one");
    assert.equal(await readSome(body.open(), all), "onetwo");
  });

  it("cannot be once more was read than is kept", async () => {
    const body = bodyFrom(["one", "two", "three"], { keepBytes: 5, maxBytes: undefined });
    const opened = body.open();
    const reader = opened.getReader();
    await reader.read();
    assert.equal(body.replayable, true);
    await reader.read();
    assert.equal(body.replayable, false);
    reader.releaseLock();
    assert.equal(await readSome(opened, all), "three");
  });

  it("can be, however long it is, when nothing of it was read", async () => {
    const body = bodyFrom(["x".repeat(5_000)]);
    body.open();
    await nextTurn();
    assert.equal(body.replayable, true);
    assert.equal(await readSome(body.open(), all), "x".repeat(5_000));
  });

  it("is never sent in part: opened when it is no longer whole, it fails", async () => {
    const body = bodyFrom(["one", "two", "three"], { keepBytes: 0, maxBytes: undefined });
    await readSome(body.open(), 2);
    await assert.rejects(async () => await readSome(body.open(), all));
  });

  it("is dead where it was opened before", async () => {
    const body = bodyFrom(["one", "two"]);
    const before = body.open();
    assert.equal(await readSome(body.open(), 1), "one");
    await assert.rejects(readSome(before, all));
  });

  const abandon = {
    "left alone": () => Promise.resolve(),
    cancelled: (reader: ReadableStreamDefaultReader<Uint8Array>) => reader.cancel("the try is over").catch(() => {}),
  };
  for (const [how, leave] of Object.entries(abandon)) {
    it(`loses no chunk and keeps their order when a read is under way as a try is ${how}`, async () => {
      const source = createSource();
      const body = createBody(source.stream, undefined, unlimited);
      const reader = body.open().getReader();
      source.send("one");
      await reader.read();
      const pending = reader.read().catch(() => undefined);
      await nextTurn();
      await leave(reader);
      const again = readSome(body.open(), all);
      await nextTurn();
      source.send("two");
      await nextTurn();
      source.send("three");
      source.end();
      assert.equal(await again, "onetwothree");
      await pending;
      assert.equal(await readSome(body.open(), all), "onetwothree");
    });
  }

  it("loses no chunk that came after a try was abandoned and before the next", async () => {
    const source = createSource();
    const body = createBody(source.stream, undefined, { keepBytes: 4, maxBytes: undefined });
    const reader = body.open().getReader();
    const pending = reader.read().catch(() => undefined);
    await nextTurn();
    await reader.cancel("the try is over").catch(() => {});
    source.send("longer than what is kept");
    await pending;
    await nextTurn();
    assert.equal(body.replayable, true);
    source.end();
    assert.equal(await readSome(body.open(), all), "longer than what is kept");
  });

  it("is the same bytes each time, whatever was read before, for any chunks", async () => {
    const chunks = fc.array(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.array(fc.nat(12), { maxLength: 4 }), async (chunks, tries) => {
        const body = bodyFrom(chunks);
        for (const count of tries) assert.equal(await readSome(body.open(), count), chunks.slice(0, count).join(""));
        assert.equal(await readSome(body.open(), all), chunks.join(""));
      }),
    );
  });
});

describe("a body that cannot be read to its end", () => {
  it("fails as too large as soon as it is, and stays so", async () => {
    const body = bodyFrom(["one", "two", "three"], { keepBytes: 1_000, maxBytes: 6 });
    await assert.rejects(readSome(body.open(), all), codeOf("body_too_large"));
    assert.equal(failureOf(body), "body_too_large");
    await assert.rejects(readSome(body.open(), all), codeOf("body_too_large"));
  });

  it("may be exactly as large as is allowed", async () => {
    assert.equal(await readSome(bodyFrom(["one", "two"], { keepBytes: 0, maxBytes: 6 }).open(), all), "onetwo");
  });

  it("is the client's failure when the source breaks, for each try", async () => {
    const source = createSource();
    const body = createBody(source.stream, undefined, unlimited);
    source.send("one");
    const opened = body.open();
    assert.equal(await readSome(opened, 1), "one");
    assert.equal(failureOf(body), undefined);
    source.fail();
    await assert.rejects(readSome(body.open(), all), codeOf("client_aborted"));
    assert.equal(failureOf(body), "client_aborted");
  });
});

describe("whether a request has a body", () => {
  interface Ask {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: ReadableStream<Uint8Array>;
    readonly limits?: BodyLimits;
  }
  const request = ({ method = "POST", headers = {}, body }: Ask) =>
    new Request("http://a.test/", { method, headers, ...(body && { body, duplex: "half" }) } as RequestInit);
  const streamOf = (...chunks: string[]) => {
    const source = createSource();
    for (const chunk of chunks) source.send(chunk);
    source.end();
    return source.stream;
  };
  const ask = (asked: Ask) => Promise.resolve(bodyOf(request(asked), undefined, asked.limits ?? unlimited));

  it("no: nothing says so", async () => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      assert.equal(await ask({ method }), undefined);
    }
  });

  it("no: Content-Length is 0, though there is a stream", async () => {
    assert.equal(await ask({ headers: { "content-length": "0" }, body: streamOf() }), undefined);
  });

  it("no: an unannounced stream ends without a byte, as Deno has it for every POST", async () => {
    assert.equal(await ask({ body: streamOf() }), undefined);
  });

  it("yes, all of it: an unannounced stream has a first chunk", async () => {
    const body = await ask({ body: streamOf("one", "two"), limits: { keepBytes: 0, maxBytes: undefined } });
    assert.equal(body?.length, undefined);
    assert.equal(body?.replayable, true);
    assert.equal(await readSome(body!.open(), all), "onetwo");
  });

  it("yes, with its length: Content-Length", async () => {
    const body = await ask({ headers: { "content-length": "6" }, body: streamOf("one", "two") });
    assert.equal(body?.length, 6);
    assert.equal(await readSome(body!.open(), all), "onetwo");
  });

  it("yes, and it is there: what comes first is as long as announced, and is kept", async () => {
    const headers = { "content-length": "6" };
    const body = await ask({ headers, body: streamOf("onetwo") });
    assert.equal(new TextDecoder().decode(body?.whole), "onetwo");
    assert.equal(await readSome(body!.open(), all), "onetwo");
    assert.equal(await readSome(body!.open(), all), "onetwo", "and can be sent again");
    const limits = { keepBytes: 5, maxBytes: undefined };
    assert.equal((await ask({ headers, body: streamOf("onetwo"), limits }))?.whole, undefined, "not a longer one");
    const endless = new ReadableStream({
      cancel: () => void (cancelled = true),
      start: (c) => c.enqueue(new Uint8Array(6)),
    });
    let cancelled = false;
    (await ask({ headers, body: endless }))?.abandon?.();
    assert.equal(cancelled, true, "what is left of its stream is cancelled");
  });

  it("yes, without a length: Transfer-Encoding, even beside Content-Length or when it turns out empty", async () => {
    for (
      const headers of [{ "transfer-encoding": "chunked" }, { "transfer-encoding": "chunked", "content-length": "6" }]
    ) {
      const body = await ask({ headers, body: streamOf("one", "two") });
      assert.equal(body?.length, undefined);
      assert.equal(await readSome(body!.open(), all), "onetwo");
    }
    assert.equal(
      await readSome((await ask({ headers: { "transfer-encoding": "chunked" }, body: streamOf() }))!.open(), all),
      "",
    );
  });

  it("too large: announced, without reading any of it", async () => {
    const source = createSource();
    const limits = { keepBytes: 0, maxBytes: 5 };
    await assert.rejects(
      ask({ headers: { "content-length": "6" }, body: source.stream, limits }),
      codeOf("body_too_large"),
    );
    assert.equal(source.asked(), 0);
  });

  it("too large: the first chunk of an unannounced one is", async () => {
    await assert.rejects(
      ask({ body: streamOf("abcdef"), limits: { keepBytes: 0, maxBytes: 5 } }),
      codeOf("body_too_large"),
    );
  });

  it("malformed: announced, but the runtime did not hand it over", async () => {
    await assert.rejects(ask({ method: "GET", headers: { "content-length": "3" } }), codeOf("malformed_request"));
    await assert.rejects(
      ask({ method: "GET", headers: { "transfer-encoding": "chunked" } }),
      codeOf("malformed_request"),
    );
  });

  // workerd's Request has what was sent with a GET, and its fetch refuses to send it.
  it("malformed: announced and handed over, with a method that no fetch sends a body with", async () => {
    for (const method of ["GET", "HEAD"]) {
      const odd = { method, headers: new Headers({ "content-length": "3" }), body: streamOf("abc"), bodyUsed: false };
      await assert.rejects(
        async () => await bodyOf(odd as unknown as Request, undefined, unlimited),
        codeOf("malformed_request"),
      );
    }
  });

  it("malformed: a coding that is not chunked alone", async () => {
    for (
      const coding of [
        "gzip, chunked",
        "identity, chunked",
        "chunked, chunked",
        ", chunked",
        "identity",
        "xchunked",
        "",
      ]
    ) {
      await assert.rejects(
        ask({ headers: { "transfer-encoding": coding }, body: streamOf("abcde") }),
        codeOf("malformed_request"),
        coding,
      );
    }
    assert.notEqual(await ask({ headers: { "transfer-encoding": "Chunked" }, body: streamOf("abcde") }), undefined);
  });

  it("malformed: a Content-Length that is no number", async () => {
    for (const length of ["-1", "1.5", "abc", "0x10", "1e3", "5, 6", "99999999999999999999"]) {
      await assert.rejects(
        ask({ headers: { "content-length": length }, body: streamOf("abcde") }),
        codeOf("malformed_request"),
        length,
      );
    }
  });

  it("consumed: a middleware has read it, or is reading it", async () => {
    const read = request({ headers: { "content-length": "3" }, body: streamOf("abc") });
    await read.text();
    await assert.rejects(async () => await bodyOf(read, undefined, unlimited), codeOf("body_consumed"));
    const unannounced = request({ body: streamOf("abc") });
    await unannounced.text();
    await assert.rejects(async () => await bodyOf(unannounced, undefined, unlimited), codeOf("body_consumed"));
    const locked = request({ headers: { "content-length": "3" }, body: streamOf("abc") });
    locked.body?.getReader();
    await assert.rejects(async () => await bodyOf(locked, undefined, unlimited), codeOf("body_consumed"));
  });
});
