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
    "a:65536",
    // A URL parser takes these for addresses.
    "1",
    "127.1",
    "0x7f.0.0.1",
    "127.0.0.01",
    "256.0.0.1",
    "a.0x",
    "[1::2::3]",
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
    assert.equal(ask({ url: "http://b.test:81/x", fields: {} }).host, "b.test:81");
    assert.equal(ask({ url: "https://[::1]/x", fields: {} }).host, "[::1]");
  });

  it("cannot be missing from a Host that came", () =>
    assert.equal(refusal({ fields: { host: "" } }), "malformed_request"));

  it("is that of a URL in no case where Host names another, but must be one there too", () => {
    const fields = { host: "a.test" };
    assert.equal(ask({ url: "http://b.test/", fields }).host, "a.test");
    for (const host of ["u@a.test", "a.test:99999", "a.test*", ""]) {
      assert.equal(refusal({ url: `http://${host}/`, fields }), "malformed_request", host);
    }
  });

  // RFC 9112 §3.2.2
  it("is that of a target in absolute form where Host names another", () => {
    const inRaw = (target: string) => {
      const headers = new Headers({ host: "a.test" });
      const raw = { headers, target, whole: () => Promise.resolve(undefined) };
      return inspect({ method: "GET", url: target, headers } as Request, raw, undefined).host;
    };
    assert.equal(inRaw("http://b.test/"), "b.test");
    assert.equal(inRaw("http://a.test:81/"), "a.test:81");
    assert.equal(inRaw("http://A.test:80/"), "a.test");
    assert.equal(inRaw("/"), "a.test");
    assert.throws(() => inRaw("http://u@a.test/"), { code: "malformed_request" });
  });

  it("stays as it was written where the URL's is the same", () => {
    for (const host of ["A.Test", "a.test:80", "a.test:"]) assert.equal(ask({ fields: { host } }).host, host);
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
    // Of a URL that a server has decoded: the low byte of the second is a line feed.
    { url: "http://a.test/\u00e9\u010a?\u010a", path: "/%C3%A9%C4%8A", query: "?%C4%8A" },
  ];
  for (const { url, path, query } of cases) {
    it(url, () => {
      const asked = ask({ url });
      assert.deepEqual({ path: asked.path, query: asked.query }, { path, query });
    });
  }
});

it("a target that is raw keeps its bytes, also where its dots are resolved", () => {
  const headers = new Headers({ host: "a.test" });
  const pathOf = (target: string) => {
    const raw = { headers, target, whole: () => Promise.resolve(undefined) };
    return inspect({ method: "GET", url: "http://a.test/", headers } as Request, raw, undefined).path;
  };
  assert.equal(pathOf("/caf\xc3\xa9"), "/caf\xc3\xa9");
  assert.equal(pathOf("/x/../caf\xc3\xa9"), "/caf%C3%A9");
});

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const handshake = (changes: Readonly<Record<string, string | undefined>> = {}): Record<string, string> => {
  const fields = {
    connection: "keep-alive, Upgrade",
    upgrade: "WebSocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  );
};

const handshakes: { name: string; asked: Ask; code: ErrorCode | undefined }[] = [
  { name: "not a WebSocket", asked: { fields: handshake() }, code: undefined },
  {
    name: "not a WebSocket that says it has no body",
    asked: { fields: handshake({ "content-length": "0" }) },
    code: undefined,
  },
  { name: "a WebSocket by POST", asked: { method: "POST", fields: handshake() }, code: "malformed_request" },
  {
    name: "a WebSocket with a body",
    asked: { fields: handshake({ "content-length": "1" }) },
    code: "malformed_request",
  },
  {
    name: "a WebSocket with a chunked body",
    asked: { fields: handshake({ "transfer-encoding": "chunked" }) },
    code: "malformed_request",
  },
  {
    name: "a WebSocket of another version",
    asked: { fields: handshake({ "sec-websocket-version": "8" }) },
    code: "upgrade_required",
  },
  {
    name: "a WebSocket of no version",
    asked: { fields: handshake({ "sec-websocket-version": undefined }) },
    code: "malformed_request",
  },
  ...[undefined, "", "short", `${key}=`, `${key}, ${key}`, "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQ"].map((
    given,
  ) => ({
    name: `a WebSocket with the key ${given}`,
    asked: { fields: handshake({ "sec-websocket-key": given }) },
    code: "malformed_request" as const,
  })),
  ...["websocket, h2c", "h2c, websocket", "websockets", "websocket/13", ""].map((upgrade) => ({
    name: `an upgrade to "${upgrade}"`,
    asked: { fields: handshake({ upgrade }) },
    code: "not_supported" as const,
  })),
];

it("a WebSocket that goes on is told apart", () => {
  assert.equal(ask({ fields: { host: "a.test", ...handshake() } }).upgrade, "websocket");
  assert.equal(ask({ fields: { host: "a.test", ...handshake({ connection: "close" }) } }).upgrade, undefined);
  assert.equal(ask({}).upgrade, undefined);
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
    ...handshakes,
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
      name: "gRPC with a space before its parameter",
      asked: { method: "POST", fields: { "content-type": "application/grpc ; x=1" } },
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
      name: "a head with a long method",
      asked: { method: "X".repeat(1_000), headBytes: 1_000 },
      code: "head_too_large",
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
