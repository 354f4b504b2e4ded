import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "../../src/core/address.ts";
import { backend } from "../support/arbitraries.ts";

describe("a backend's address", () => {
  const cases = [
    {
      url: "http://127.0.0.1:8081",
      secure: false,
      origin: "http://127.0.0.1:8081",
      host: "127.0.0.1:8081",
      hostname: "127.0.0.1",
      port: 8081,
      basePath: "",
    },
    {
      url: "http://a.test",
      secure: false,
      origin: "http://a.test",
      host: "a.test",
      hostname: "a.test",
      port: 80,
      basePath: "",
    },
    {
      url: "https://a.test/",
      secure: true,
      origin: "https://a.test",
      host: "a.test",
      hostname: "a.test",
      port: 443,
      basePath: "",
    },
    {
      url: "https://a.test:8443/base",
      secure: true,
      origin: "https://a.test:8443",
      host: "a.test:8443",
      hostname: "a.test",
      port: 8443,
      basePath: "/base",
    },
    {
      url: "https://a.test:443/base/two//",
      secure: true,
      origin: "https://a.test",
      host: "a.test",
      hostname: "a.test",
      port: 443,
      basePath: "/base/two",
    },
    {
      url: "http://[::1]:8081/b",
      secure: false,
      origin: "http://[::1]:8081",
      host: "[::1]:8081",
      hostname: "::1",
      port: 8081,
      basePath: "/b",
    },
  ];
  for (const { url, ...address } of cases) it(url, () => assert.deepEqual(addressOf(backend("a", { url })), address));

  it("is taken apart once", () => {
    const one = backend("a");
    assert.equal(addressOf(one), addressOf(one));
  });

  it("is not that of another backend under the same id", () => {
    assert.equal(addressOf(backend("a", { url: "http://one.test" })).host, "one.test");
    assert.equal(addressOf(backend("a", { url: "http://two.test" })).host, "two.test");
  });
});
