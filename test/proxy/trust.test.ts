import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clientAddress, createTrust } from "../../src/proxy/trust.ts";

describe("a trusted proxy", () => {
  const cases: { ranges: string[]; trusts: (string | undefined)[]; doubts: (string | undefined)[] }[] = [
    { ranges: [], trusts: [], doubts: ["127.0.0.1", "::1", undefined] },
    {
      ranges: ["10.0.0.0/8"],
      trusts: ["10.0.0.1", "10.255.255.255", "::ffff:10.1.2.3"],
      doubts: ["11.0.0.1", "::1", undefined, "", "nonsense", "10.0.0.1:80"],
    },
    { ranges: ["192.0.2.1"], trusts: ["192.0.2.1", "::ffff:192.0.2.1"], doubts: ["192.0.2.2", "192.0.2.10"] },
    { ranges: ["::1"], trusts: ["::1", "0:0:0:0:0:0:0:1"], doubts: ["::2", "127.0.0.1"] },
    { ranges: ["2001:db8::/32"], trusts: ["2001:db8::1", "2001:DB8:ffff::"], doubts: ["2001:db9::1", "32.1.13.184"] },
    { ranges: ["::ffff:192.0.2.1"], trusts: ["192.0.2.1"], doubts: ["192.0.2.2"] },
    { ranges: ["0.0.0.0/0"], trusts: ["203.0.113.9"], doubts: ["2001:db8::1", undefined] },
    {
      ranges: ["127.0.0.1", "fd00::/8", "10.0.0.0/8"],
      trusts: ["127.0.0.1", "fd12::1", "10.9.9.9"],
      doubts: ["127.0.0.2", "fe80::1"],
    },
  ];
  for (const { ranges, trusts, doubts } of cases) {
    it(`is believed within ${ranges.join(", ") || "nothing"}, and nobody else is`, () => {
      const isTrusted = createTrust(ranges);
      // Twice, because answers are remembered.
      for (const address of [...trusts, ...trusts]) assert.equal(isTrusted(address), true, address);
      for (const address of [...doubts, ...doubts]) assert.equal(isTrusted(address), false, address);
    });
  }

  it("is found among more clients than are remembered", () => {
    const isTrusted = createTrust(["10.0.0.0/24"]);
    for (let client = 0; client < 25_000; client++) {
      const address = `10.0.${client >> 8}.${client & 255}`;
      assert.equal(isTrusted(address), client < 256, address);
    }
    assert.equal(isTrusted("10.0.0.7"), true);
  });
});

describe("the client behind trusted proxies", () => {
  const isTrusted = createTrust(["10.0.0.0/8"]);
  const cases: readonly (readonly [forwardedFor: string | null, address: string])[] = [
    [null, "10.0.0.1"],
    ["192.0.2.1", "192.0.2.1"],
    ["198.51.100.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
    [" , ", "10.0.0.1"],
    ["unknown,10.0.0.2", "unknown"],
  ];
  for (const [forwardedFor, address] of cases) {
    it(`is ${address} where X-Forwarded-For says ${forwardedFor}`, () => {
      assert.equal(clientAddress("10.0.0.1", forwardedFor, isTrusted), address);
    });
  }
});
