import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cookieOf, keyOf, networkOf } from "../../src/core/keys.ts";

const asked = (fields: Record<string, string> = {}, query = "") => ({
  address: "192.0.2.7",
  path: "/a/b",
  query,
  headers: new Headers(fields),
});

describe("a request's key", () => {
  const cases: readonly (readonly [spec: string, fields: Record<string, string>, query: string, key: string])[] = [
    ["ip", {}, "", "192.0.2.7"],
    ["path", {}, "?x=1", "/a/b"],
    ["uri", {}, "?x=1", "/a/b?x=1"],
    ["header:X-User", { "x-user": "u" }, "", "u"],
    ["header:x-user", {}, "", "192.0.2.7"],
    ["query:id", {}, "?a=1&id=x%20y&id=2", "x y"],
    ["query:id", {}, "?ID=1", "192.0.2.7"],
    ["cookie:sid", { cookie: "a=1; sid=s=3; b" }, "", "s=3"],
    ["cookie:sid", { cookie: "xsid=1" }, "", "192.0.2.7"],
  ];
  for (const [spec, fields, query, key] of cases) {
    it(`is "${key}" by ${spec} of ${JSON.stringify(fields)} and "${query}"`, () => {
      assert.equal(keyOf(spec)(asked(fields, query)), key);
    });
  }
});

describe("the network of an address", () => {
  const same = ["2001:db8:0:1::5", "2001:DB8:0:1:9:9:9:9", "2001:0db8:0000:0001::", "2001:db8:0:1:0:0:0:1"];
  it("is its first 64 bits, however it is written", () => {
    assert.deepEqual(new Set(same.map(networkOf)), new Set(["2001:db8:0:1"]));
    assert.equal(networkOf("::1"), "0:0:0:0");
    assert.equal(networkOf("1::2:3:4:5:6:7"), "1:0:2:3");
  });
  it("is all of IPv4, and nothing where nothing is known", () => {
    assert.deepEqual([networkOf("192.0.2.7"), networkOf(undefined)], ["192.0.2.7", ""]);
    assert.equal(networkOf("::ffff:192.0.2.7"), "192.0.2.7");
  });
});

describe("a cookie", () => {
  it("is found among others, the first of its name", () => {
    const headers = new Headers({ cookie: "a=1;b=2 ; b=3; =4; c" });
    assert.deepEqual(["a", "b", "c", "d"].map((name) => cookieOf(headers, name)), [
      "1",
      "2",
      undefined,
      undefined,
    ]);
    assert.equal(cookieOf(new Headers(), "a"), undefined);
  });
});
