import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lazyRequest } from "../../src/server/lazy-request.ts";
import { parseRequestHead } from "../../src/server/request-head.ts";

interface Parts {
  readonly body?: string | undefined;
  readonly secure?: boolean;
}

/** A request, and its client's way to leave. */
function open(text: string, { body, secure = false }: Parts = {}) {
  const listeners: (() => void)[] = [];
  let opened = 0;
  const request = lazyRequest({
    head: parseRequestHead(text.replaceAll("\n", "\r\n")),
    secure,
    body() {
      opened += 1;
      return body === undefined ? undefined : new Response(body).body!;
    },
    onLeave(listener) {
      listeners.push(listener);
      return () => {};
    },
  });
  return { request, leave: () => listeners.forEach((listener) => listener()), opened: () => opened, listeners };
}

const urlOf = (target: string, host: string | null = "a.test", secure = false) =>
  open(`OPTIONS ${target} HTTP/1.1${host === null ? "" : `\nHost: ${host}`}`, { secure }).request.url;

const targets: readonly (readonly [target: string, url: string])[] = [
  ["/", "http://a.test/"],
  ["/a?b=c&d", "http://a.test/a?b=c&d"],
  ["//x", "http://a.test//x"],
  ["//b.test/x", "http://a.test//b.test/x"],
  ["/%61%2F%zz", "http://a.test/%61%2F%zz"],
  ["/:@!$&'()*+,;=-._~", "http://a.test/:@!$&'()*+,;=-._~"],
  ["/a/../b", "http://a.test/b"],
  ["/../../b", "http://a.test/b"],
  ["/a/./b", "http://a.test/a/b"],
  ["/a/%2e%2E/b", "http://a.test/b"],
  ["/a?b/../c", "http://a.test/a?b/../c"],
  ["/a..b/c.d", "http://a.test/a..b/c.d"],
  ["/.well-known/x", "http://a.test/.well-known/x"],
  ["/a\\..\\b", "http://a.test/b"],
  ["/caf\u00c3\u00a9?\u00c3\u00a9", "http://a.test/caf%C3%A9?%C3%A9"],
  ["http://b.test/caf\u00c3\u00a9", "http://b.test/caf%C3%A9"],
  ['/"<>^`{}', "http://a.test/%22%3C%3E^%60%7B%7D"],
  ["/[x]|", "http://a.test/[x]|"],
  ["http://b.test/x?y", "http://b.test/x?y"],
  ["HTTP://B.Test:80/x", "http://b.test/x"],
  ["https://b.test/x", "https://b.test/x"],
  ["http://b.test", "http://b.test/"],
  ["*", "http://a.test/"],
  ["b.test:443", "http://a.test/"],
  ["ftp://b.test/x", "http://a.test/"],
  ["http://", "http://a.test/"],
  ["http://[/", "http://a.test/"],
  ["x", "http://a.test/"],
  ["?x", "http://a.test/"],
];

const hosts: readonly (readonly [host: string | null, origin: string])[] = [
  ["a.test:8080", "http://a.test:8080"],
  ["127.0.0.1", "http://127.0.0.1"],
  ["[::1]:8080", "http://[::1]:8080"],
  [null, "http://localhost"],
  ["", "http://localhost"],
  ["a b", "http://localhost"],
  ["[::1", "http://localhost"],
  ["a.test:x", "http://localhost"],
  ["%zz", "http://localhost"],
];

describe("a request of the server's", () => {
  it("is a Request to everybody who looks", () => {
    const { request } = open("GET /x HTTP/1.1\nHost: a.test");
    assert.ok(request instanceof Request);
    assert.equal(Object.prototype.toString.call(request), "[object Request]");
    assert.equal(request.method, "GET");
    assert.equal(request.url, "http://a.test/x");
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(Request.prototype))) {
      assert.ok(name in request, name);
    }
  });

  for (const [target, url] of targets) {
    it(`for ${target} has a URL that can be read`, () => {
      const given = urlOf(target);
      // Parsers differ in what they escape of what no URL has.
      const plainly = (text: string) => decodeURI(text.replaceAll(/%(?![0-9a-f]{2})/gi, "%25"));
      assert.equal(plainly(given), plainly(url));
      assert.equal(new URL(given).href, given, "it is as a URL parser would write it");
    });
  }

  it("for bytes that are no text in any encoding has them escaped", () => {
    assert.equal(urlOf("/\u00ff\u0080"), "http://a.test/%FF%80");
  });

  for (const [host, origin] of hosts) {
    it(`for the Host ${JSON.stringify(host)} is for ${origin}`, () => {
      assert.equal(urlOf("/x", host), `${origin}/x`);
      assert.equal(new URL(urlOf("*", host)).origin, origin);
      assert.equal(urlOf("/x", host, true), `${origin.replace("http:", "https:")}/x`);
    });
  }

  it("has its fields, in any capitals, several as one", () => {
    const { request } = open("GET / HTTP/1.1\nHost: a.test\nX-A: 1\nx-a: 2\nX-Bytes: \u00ff");
    assert.equal(request.headers.get("X-A"), "1, 2");
    assert.equal(request.headers.get("host"), "a.test");
    assert.equal(request.headers.get("x-bytes"), "\u00ff");
    assert.equal(request.headers.get("x-none"), null);
    assert.equal(request.headers, request.headers);
  });

  it("gives its body in every way", async () => {
    const json = '{"a":1}';
    const post = () =>
      open("POST / HTTP/1.1\nHost: a.test\nContent-Type: application/json\nContent-Length: 7", { body: json }).request;
    assert.equal(await post().text(), json);
    assert.deepEqual(await post().json(), { a: 1 });
    assert.equal((await post().arrayBuffer()).byteLength, 7);
    assert.equal((await post().bytes()).byteLength, 7);
    assert.equal(await (await post().blob()).text(), json);
    assert.equal(await new Response(post().body).text(), json);
    const form = open(
      "POST / HTTP/1.1\nHost: a.test\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 3",
      { body: "a=b" },
    );
    assert.equal((await form.request.formData()).get("a"), "b");
  });

  it("says that its body was read", async () => {
    const { request } = open("POST / HTTP/1.1\nHost: a.test\nContent-Length: 3", { body: "abc" });
    assert.equal(request.bodyUsed, false);
    await request.text();
    assert.equal(request.bodyUsed, true);
    await assert.rejects(request.text());
  });

  it("can be cloned, and each has the body", async () => {
    const { request } = open("POST /x HTTP/1.1\nHost: a.test\nContent-Length: 3\nX: y", { body: "abc" });
    const clone = request.clone();
    assert.deepEqual([clone.method, clone.url, clone.headers.get("x")], ["POST", "http://a.test/x", "y"]);
    assert.deepEqual(await Promise.all([request.text(), clone.text()]), ["abc", "abc"]);
  });

  it("can be what another Request is like", () => {
    const { request } = open("PUT /x HTTP/1.1\nHost: a.test\nContent-Length: 3\nX: y", { body: "abc" });
    const other = new Request("http://b.test/", request);
    assert.deepEqual([other.method, other.headers.get("x")], ["PUT", "y"]);
  });

  it("has no body where it brings none, nor where it is a GET or a HEAD", async () => {
    assert.equal(open("POST / HTTP/1.1\nHost: a.test").request.body, null);
    for (const method of ["GET", "HEAD"]) {
      const { request, opened } = open(`${method} / HTTP/1.1\nHost: a.test\nContent-Length: 3`, { body: "abc" });
      assert.equal(request.body, null);
      assert.equal(await request.text(), "");
      assert.equal(opened(), 0);
    }
  });

  it("is aborted when its client leaves", () => {
    const { request, leave } = open("GET / HTTP/1.1\nHost: a.test");
    const { signal } = request;
    assert.equal(signal.aborted, false);
    let told = 0;
    signal.addEventListener("abort", () => void told++);
    leave();
    leave();
    assert.deepEqual([signal.aborted, told], [true, 1]);
    assert.equal(request.signal.aborted, true);
  });

  it("costs nothing before somebody looks into it", () => {
    const { request, opened, listeners } = open("POST / HTTP/1.1\nHost: a.test\nContent-Length: 3", { body: "abc" });
    assert.deepEqual([request.method, request.url], ["POST", "http://a.test/"]);
    assert.deepEqual([opened(), listeners.length], [0, 0]);
    assert.equal(request.headers.has("host"), true);
    assert.deepEqual([opened(), listeners.length], [0, 0]);
    assert.equal(request.signal.aborted, false);
    assert.deepEqual([opened(), listeners.length], [1, 1]);
  });
});
