import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { editRequest, type Sender, wasHere } from "../../src/proxy/headers.ts";
import { fieldNames, inAnyCapitals } from "../support/arbitraries.ts";

const sender: Sender = {
  address: "192.0.2.1",
  trusted: false,
  proto: "http",
  host: "a.test:8080",
  port: 8080,
  requestId: "id-1",
};

/** The fields as a backend gets them: what a transport makes of the edits. */
function sent(
  fields: Record<string, string> | [string, string][],
  changes: Partial<Sender> = {},
  more: Record<string, string> = {},
) {
  const headers = new Headers(fields);
  const { drop, set } = editRequest(headers, { ...sender, ...changes }, more);
  for (const name of drop) headers.delete(name);
  for (const [name, value] of set) headers.set(name, value);
  return Object.fromEntries(headers);
}

const ours = {
  "x-forwarded-for": "192.0.2.1",
  "x-forwarded-proto": "http",
  "x-forwarded-host": "a.test:8080",
  "x-forwarded-port": "8080",
  via: "1.1 roundabout",
  "x-request-id": "id-1",
};

const claims = {
  "x-forwarded-for": "203.0.113.9",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "evil.test",
  "x-forwarded-port": "1",
  via: "1.1 other",
  "x-request-id": "theirs",
  forwarded: "for=203.0.113.9",
};

describe("the fields that a backend gets", () => {
  it("tell of the client, in the place of what it claims itself", () => {
    assert.deepEqual(sent({}), ours);
    assert.deepEqual(sent(claims), ours);
  });

  it("are without X-Forwarded-For when nobody knows the client, whatever it claims", () => {
    const { "x-forwarded-for": _, ...rest } = ours;
    assert.deepEqual(sent(claims, { address: undefined }), rest);
  });

  it("keep what a trusted proxy says, append to its For and its Via, and let its Forwarded pass", () => {
    // The id is taken over where it is made.
    assert.deepEqual(sent(claims, { trusted: true, requestId: "theirs" }), {
      ...claims,
      "x-forwarded-for": "203.0.113.9, 192.0.2.1",
      via: "1.1 other, 1.1 roundabout",
    });
  });

  it("are made here where a trusted proxy says nothing", () => assert.deepEqual(sent({}, { trusted: true }), ours));

  it("are otherwise as the client sent them", () => {
    const theirs = {
      accept: "*/*",
      cookie: "a=1; b=2",
      authorization: "Basic eA==",
      "content-type": "text/plain",
      "content-length": "3",
      range: "bytes=0-",
      "x-real-ip": "1",
    };
    assert.deepEqual(sent(theirs), { ...theirs, ...ours });
  });

  it("have neither Host, which the transport sets, nor Expect, which is answered already", () => {
    for (const trusted of [false, true]) {
      assert.deepEqual(sent({ host: "a.test", expect: "100-continue" }, { trusted }), ours);
    }
  });

  it("are as a route sets them, whatever else would be said", () => {
    const more = { "x-forwarded-for": "hidden", "X-Request-ID": "fixed", "x-new": "1", te: "x" };
    assert.deepEqual(sent({ "x-new": "0", connection: "x-new" }, {}, more), {
      ...ours,
      "x-forwarded-for": "hidden",
      "x-request-id": "fixed",
      "x-new": "1",
      te: "x",
    });
  });

  it("name each field that is set once", () => {
    const { set } = editRequest(new Headers(), sender, { "X-Forwarded-For": "hidden", via: "none" });
    assert.equal(new Set(set.map(([name]) => name.toLowerCase())).size, set.length);
  });

  for (const trusted of [false, true]) {
    it(`do not lack ours because a client names them in Connection, trusted ${trusted}`, () => {
      const got = sent({ connection: `close, ${Object.keys(ours).join(", ")}` }, { trusted });
      assert.deepEqual(got, ours);
    });
  }

  // RFC 9110 §7.6.1: removed "before forwarding", so what is appended to begins anew.
  it("have only ours where a trusted proxy names its own in Connection", () => {
    assert.deepEqual(sent({ ...claims, connection: Object.keys(claims).join(",") }, { trusted: true }), ours);
  });
});

describe("hop-by-hop fields", () => {
  const always = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
  const fields = fc.array(fc.tuple(fieldNames.chain(inAnyCapitals), fc.stringMatching(/^[a-z0-9]{1,5}$/)), {
    maxLength: 12,
  });
  const named = fc.array(fieldNames.chain(inAnyCapitals), { maxLength: 4 });

  it("never pass, and neither do those that Connection names, whoever sent them", () => {
    fc.assert(
      fc.property(fields, named, fc.boolean(), (fields, named, trusted) => {
        const got = sent([...fields, ["Connection", named.join(" ,")]], { trusted });
        for (const name of always) assert.ok(!(name in got), name);
        for (const name of named.map((name) => name.toLowerCase())) {
          assert.ok(!(name in got) || name in ours, name);
        }
        for (const name of Object.keys(ours)) assert.ok(name in got, name);
      }),
    );
  });

  it("do not take others with them", () => {
    fc.assert(
      fc.property(fields, named, (fields, named) => {
        const got = sent([...fields, ["Connection", named.join(",")]]);
        const dropped = new Set([
          ...always,
          ...named.map((name) => name.toLowerCase()),
          ...Object.keys(claims),
          "host",
          "expect",
        ]);
        for (const [name] of new Headers(fields)) assert.equal(name in got, !dropped.has(name) || name in ours, name);
      }),
    );
  });
});

describe("a request that has been here", () => {
  const cases: [via: string | null, wasHere: boolean][] = [
    [null, false],
    ["", false],
    ["1.1 other", false],
    ["1.1 roundabout", true],
    ["1.1 Roundabout", true],
    ["1.0 a, 1.1 roundabout, 1.1 b", true],
    ["1.1 a,1.1 roundabout,1.1 b", true],
    ["HTTP/1.1 roundabout (0.1)", true],
    ["1.1 roundabout.test", false],
    ["1.1 my-roundabout", false],
    ["1.1 roundabout-2", false],
    ["1.1 roundabout:80", false],
  ];
  for (const [via, expected] of cases) it(`${via}: ${expected}`, () => assert.equal(wasHere(via), expected));
});
