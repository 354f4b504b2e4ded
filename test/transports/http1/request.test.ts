import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProxyError } from "../../../src/core/errors.ts";
import { rawFields, withHopByHop } from "../../../src/core/fields.ts";
import type { Incoming, Outgoing, RequestBody } from "../../../src/core/ports.ts";
import { requestHead } from "../../../src/transports/http1/request.ts";
import { backend } from "../../support/arbitraries.ts";

const body = (length: number | undefined): RequestBody => ({
  length,
  replayable: true,
  failure: undefined,
  open: () => new ReadableStream(),
});

interface Written {
  readonly incoming?: Partial<Incoming>;
  readonly outgoing?: Partial<Outgoing>;
  readonly set?: Outgoing["headers"]["set"];
}

/** The lines of a head, checked to end with an empty one. */
function linesOf(fields: readonly string[], { incoming, outgoing, set = [] }: Written = {}): string[] {
  const head = requestHead(
    { method: "GET", headers: rawFields(fields), body: undefined, onAbort: () => () => {}, ...incoming },
    {
      backend: backend("b"),
      peer: { protocol: "http1", tls: undefined },
      target: "/x?y",
      host: undefined,
      headers: { drop: withHopByHop(["host", "x-drop"]), set },
      deadlines: { connectMs: 0, responseMs: 0, sendMs: 0, idleMs: 0 },
      onEnd() {},
      ...outgoing,
    },
    "b.test",
  );
  assert.ok(head.endsWith("\r\n\r\n"));
  return head.slice(0, -4).split("\r\n");
}

describe("a request's head", () => {
  it("has the fields in their order and spelling, without those that are dropped or set anew", () => {
    const fields = [
      "HOST",
      "client.test",
      "X-Zulu",
      "1",
      "X-Drop",
      "2",
      "x-alpha",
      "",
      "Via",
      "1.1 old",
      "X-Zulu",
      "caf\u00e9",
    ];
    assert.deepEqual(linesOf(fields, { set: [["via", "1.1 old, 1.1 new"], ["x-set", "3"]] }), [
      "GET /x?y HTTP/1.1",
      "Host: b.test",
      "X-Zulu: 1",
      "x-alpha: ",
      "X-Zulu: caf\u00e9",
      "via: 1.1 old, 1.1 new",
      "x-set: 3",
    ]);
  });

  it("has all cookies in one line, where the first of them stood", () => {
    const fields = ["A", "1", "Cookie", "a=1; b=2", "B", "2", "COOKIE", "c=3", "cookie", "d=4"];
    assert.deepEqual(linesOf(fields).slice(2), ["A: 1", "Cookie: a=1; b=2; c=3; d=4", "B: 2"]);
  });

  it("says the length of its body, whatever its fields say", () => {
    const lies = ["Content-Length", "7", "content-length", "8"];
    assert.deepEqual(linesOf(lies, { incoming: { method: "PUT", body: body(5) } }).slice(2), ["Content-Length: 5"]);
    assert.deepEqual(linesOf(lies, { incoming: { method: "PUT", body: body(undefined) } }).slice(2), [
      "Transfer-Encoding: chunked",
    ]);
    for (const method of ["POST", "PUT", "PATCH"]) {
      assert.deepEqual(linesOf(lies, { incoming: { method } }).slice(2), ["Content-Length: 0"]);
    }
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "PURGE"]) {
      assert.deepEqual(linesOf(lies, { incoming: { method } }).slice(2), []);
    }
  });

  it("asks for the connection's end where a fresh one was asked for, and for another protocol where that was", () => {
    assert.deepEqual(linesOf([], { outgoing: { fresh: true } }).slice(2), ["Connection: close"]);
    assert.deepEqual(linesOf([], { incoming: { upgrade: "websocket" } }).slice(2), [
      "Connection: upgrade",
      "Upgrade: websocket",
    ]);
  });

  it("is never written where a target or a set field would break out of its line", () => {
    const refuses = (written: Written) =>
      assert.throws(
        () => linesOf([], written),
        (error) => error instanceof ProxyError && error.code === "proxy_internal_error",
      );
    for (const target of ["/a b", "/a\r\nX: y", "/a\n", "/\0", "/\u0100"]) {
      refuses({ outgoing: { target } });
    }
    for (const value of ["a\r\nX: y", "a\nb", "a\rb", "a\0"]) refuses({ set: [["x-set", value]] });
  });
});
