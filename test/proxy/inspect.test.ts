import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { inspect } from "../../src/proxy/inspect.ts";

interface Ask {
  readonly method?: string;
  readonly url?: string;
  readonly fields?: Record<string, string>;
  readonly headBytes?: number;
}

/** Not a Request, which takes neither TRACE nor CONNECT everywhere: some servers hand them over all the same. */
function ask({ method = "GET", url = "http://a.test/", fields = { host: "a.test" }, headBytes }: Ask) {
  return inspect({ method, url, headers: new Headers(fields) } as Request, undefined, headBytes);
}

function refusal(asked: Ask): ErrorCode | undefined {
  try {
    ask(asked);
  } catch (error) {
    if (error instanceof ProxyError) return error.code;
    throw error;
  }
  return undefined;
}

describe("the host of a request", () => {
  const good = [
    "a",
    "a.test",
    "A.Test:8080",
    "a.test:",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::ffff:192.0.2.1]:80",
    "a_b.test",
    "xn--bcher-kva.test",
    "a.test.",
  ];
  for (const host of good) it(`can be ${host}`, () => assert.equal(ask({ fields: { host } }).host, host));

  const bad = [
    "a/b",
    "a/../b",
    "u@evil",
    "u:p@evil",
    "a b",
    "a,b",
    "a.test, b.test",
    "a?x",
    "a#x",
    "a\\b",
    "a:b",
    "a:80:80",
    "a:123456",
    "::1",
    "[::1",
    "[a.test]",
    "[::1]x",
    "http://a.test",
    "%61.test",
    "é",
    "a'b",
    '"a"',
    "<a>",
    "*",
    ":80",
    "a".repeat(256),
  ];
  for (const host of bad) {
    it(`cannot be ${host.slice(0, 30)}`, () => assert.equal(refusal({ fields: { host } }), "malformed_request"));
  }

  it("is the URL's where no Host came", () => {
    for (const fields of [{}, { host: "" }]) {
      assert.equal(ask({ url: "http://b.test:81/x", fields }).host, "b.test:81");
      assert.equal(ask({ url: "https://[::1]/x", fields }).host, "[::1]");
    }
  });
});

describe("the target of a request", () => {
  const cases = [
    { url: "http://a.test/", path: "/", query: "" },
    { url: "http://a.test", path: "/", query: "" },
    { url: "http://a.test:8080/x/y?a=1&b=?/#", path: "/x/y", query: "?a=1&b=?/" },
    { url: "http://a.test/x?", path: "/x", query: "?" },
    { url: "http://a.test//evil.test/x", path: "//evil.test/x", query: "" },
    { url: "http://a.test/http://evil.test/", path: "/http://evil.test/", query: "" },
    { url: "http://a.test/%2e%2F%zz%00;a=1", path: "/%2e%2F%zz%00;a=1", query: "" },
    { url: "http://a.test/x#y?z", path: "/x", query: "" },
    { url: "http://[::1]:80/x", path: "/x", query: "" },
  ];
  for (const { url, path, query } of cases) {
    it(url, () => {
      const asked = ask({ url });
      assert.deepEqual({ path: asked.path, query: asked.query }, { path, query });
    });
  }
});

describe("what goes no further", () => {
  const cases: { name: string; asked: Ask; code: ErrorCode | undefined }[] = [
    { name: "TRACE", asked: { method: "TRACE" }, code: "method_not_allowed" },
    { name: "CONNECT", asked: { method: "CONNECT" }, code: "not_supported" },
    ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "QUERY"].map((method) => ({
      name: `not ${method}`,
      asked: { method },
      code: undefined,
    })),
    { name: "a WebSocket", asked: { fields: { connection: "Upgrade", upgrade: "websocket" } }, code: "not_supported" },
    {
      name: "an upgrade to h2c",
      asked: { fields: { connection: "keep-alive, upgrade ,HTTP2-Settings", upgrade: "h2c" } },
      code: "not_supported",
    },
    { name: "not an Upgrade that Connection does not name", asked: { fields: { upgrade: "h2c" } }, code: undefined },
    {
      name: "not a Connection: upgrade without Upgrade",
      asked: { fields: { connection: "upgrade" } },
      code: undefined,
    },
    {
      name: "not a name that only begins with upgrade",
      asked: { fields: { connection: "upgrade-insecure-requests", upgrade: "h2c" } },
      code: undefined,
    },
    { name: "gRPC", asked: { method: "POST", fields: { "content-type": "application/grpc" } }, code: "not_supported" },
    {
      name: "gRPC with protobuf",
      asked: { method: "POST", fields: { "content-type": "Application/gRPC+proto" } },
      code: "not_supported",
    },
    {
      name: "gRPC with a parameter",
      asked: { method: "POST", fields: { "content-type": "application/grpc; x=1" } },
      code: "not_supported",
    },
    {
      name: "not gRPC-Web, which needs no trailers",
      asked: { method: "POST", fields: { "content-type": "application/grpc-web+proto" } },
      code: undefined,
    },
    { name: "a loop", asked: { fields: { via: "1.1 edge, 1.1 roundabout" } }, code: "proxy_loop_detected" },
    {
      name: "a head that is too long",
      asked: { fields: { "x-long": "x".repeat(1_000) }, headBytes: 1_000 },
      code: "head_too_large",
    },
    {
      name: "a head of many fields",
      asked: {
        fields: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, "x"])),
        headBytes: 800,
      },
      code: "head_too_large",
    },
    {
      name: "a target that is too long",
      asked: { url: `http://a.test/${"x".repeat(1_000)}`, headBytes: 1_000 },
      code: "target_too_long",
    },
    {
      name: "not a head within the limit",
      asked: { url: `http://a.test/${"x".repeat(400)}`, fields: { "x-long": "x".repeat(400) }, headBytes: 1_000 },
      code: undefined,
    },
    {
      name: "not a long head where the server holds the limit",
      asked: { fields: { "x-long": "x".repeat(100_000) } },
      code: undefined,
    },
  ];
  for (const { name, asked, code } of cases) it(name, () => assert.equal(refusal(asked), code));

  it("is a loop even when Connection names Via", () => {
    assert.equal(refusal({ fields: { via: "1.1 roundabout", connection: "via" } }), "proxy_loop_detected");
  });
});
