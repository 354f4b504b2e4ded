import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hopByHopNames, withHopByHop } from "../../src/core/fields.ts";
import { fieldNames, inAnyCapitals } from "../support/arbitraries.ts";

const always = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const sorted = (names: ReadonlySet<string>) => [...names].sort();

describe("fields that go no further than one connection", () => {
  const cases = [
    { connection: null, more: [] },
    { connection: "close", more: ["close"] },
    { connection: "Keep-Alive", more: [] },
    { connection: "X-One", more: ["x-one"] },
    { connection: "keep-alive, X-One,x-two\t,  X-THREE", more: ["x-one", "x-three", "x-two"] },
    { connection: "upgrade, x-one", more: ["x-one"] },
  ];
  for (const { connection, more } of cases) {
    it(`${JSON.stringify(connection)} names ${more.join(", ") || "none but the usual"}`, () => {
      const names = new Set(hopByHopNames(connection));
      // Harmless: there is no field of this name.
      if (connection === "close") names.add("close");
      assert.deepEqual(sorted(names), [...always, ...more].sort());
    });
  }

  it("are found in any capitals, order and spacing", () => {
    const one = fieldNames.chain((name) =>
      fc.tuple(fc.constant(name), inAnyCapitals(name), fc.constantFrom("", " ", "\t "))
    );
    fc.assert(
      fc.property(fc.array(one), (named) => {
        const names = hopByHopNames(named.map(([, written, space]) => `${space}${written}${space}`).join(","));
        for (const name of [...always, ...named.map(([name]) => name)]) assert.ok(names.has(name), name);
      }),
    );
  });

  // Headers.delete throws for what is no name, and one client could have it answered with a 500.
  it("are all names that Headers take, whatever a Connection field says", () => {
    const odd = ["", ",", "keep-alive,", ", ,x-one", "foo bar", "x-one, (comment)", 'a=b, "quoted"', "é"];
    for (const connection of odd) {
      const headers = new Headers({ "x-one": "1" });
      assert.doesNotThrow(() => hopByHopNames(connection).forEach((name) => headers.delete(name)), connection);
    }
  });

  it("come with others that are to be dropped", () => {
    assert.deepEqual(sorted(withHopByHop(["host"])), [...always, "host"].sort());
    assert.deepEqual(sorted(hopByHopNames("x-one", withHopByHop(["host"]))), [...always, "host", "x-one"].sort());
  });
});
