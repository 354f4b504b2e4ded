import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSteering } from "../../src/core/steering.ts";
import { beside, parse } from "../support/config.ts";

const backends = ["http://127.0.0.1:8081"];

/** A chooser for what a route says of its pool; `up` and `some` name the pools with enough backends, and with a few. */
function chooser(pool: unknown, up: string, some = "") {
  const names = ["a", "b", "c"];
  const pools = Object.fromEntries(names.map((name) => [name, { backends }]));
  const { routes } = parse({ ...beside({ routes: [{ pool }] }), pools });
  return createSteering(routes[0]!.pool, {
    isUp: (name) => up.includes(name),
    hasAny: (name) => up.includes(name) || some.includes(name),
  });
}

const from = (client: string, place?: string) => ({ client: () => client, place: () => place });

describe("a list of pools", () => {
  it("is tried in order: the first that is up, else the first with anybody, else the first", () => {
    const cases = [["abc", "", "a"], ["bc", "a", "b"], ["c", "ab", "c"], ["", "bc", "b"], ["", "", "a"]] as const;
    for (const [up, some, chosen] of cases) {
      assert.equal(chooser(["a", "b", "c"], up, some).choose(from("x")), chosen);
    }
  });

  it("names whom it may choose", () => {
    assert.deepEqual(chooser("a", "").names, ["a"]);
    assert.deepEqual(chooser([{ pool: "a" }, { pool: "b" }], "").names, ["a", "b"]);
    assert.deepEqual(chooser({ by: "colo", pools: { FRA: ["a", "b"] }, fallback: "c" }, "").names, ["a", "b", "c"]);
  });
});

describe("shares of pools", () => {
  const clients = Array.from({ length: 20_000 }, (_, index) => `client ${index}`);
  const split = (shares: readonly unknown[], up = "abc") => {
    const { choose } = chooser(shares, up);
    return clients.map((client) => choose(from(client)));
  };
  const share = (chosen: readonly string[], name: string) =>
    chosen.filter((one) => one === name).length / chosen.length;

  it("are kept, within a percent of all, and a client keeps its own", () => {
    const chosen = split([{ pool: "a", weight: 95 }, { pool: "b", weight: 5 }]);
    assert.ok(Math.abs(share(chosen, "b") - 0.05) < 0.01, String(share(chosen, "b")));
    assert.deepEqual(chosen, split([{ pool: "a", weight: 95 }, { pool: "b", weight: 5 }]));
  });

  it("move as few clients as they must when a weight grows", () => {
    const before = split([{ pool: "a", weight: 95 }, { pool: "b", weight: 5 }]);
    const after = split([{ pool: "a", weight: 95 }, { pool: "b", weight: 20 }]);
    assert.ok(before.every((one, index) => one === after[index] || after[index] === "b"));
  });

  it("of a pool that is down go to the others, and nobody goes to one without a weight", () => {
    const all = [{ pool: "a", weight: 1 }, { pool: "b", weight: 1 }, { pool: "c", weight: 0 }];
    assert.deepEqual(new Set(split(all)), new Set(["a", "b"]));
    assert.deepEqual(new Set(split(all, "bc")), new Set(["b"]));
  });
});

describe("a place", () => {
  const pool = { by: "country", pools: { de: ["a", "b"], FR: "b" }, fallback: "c", header: "x-country" };

  it("decides by its code in any capitals, with a fallback for others and for none", () => {
    const { choose } = chooser(pool, "abc");
    assert.deepEqual(["DE", " fr ", "US", undefined].map((place) => choose(from("x", place))), ["a", "b", "c", "c"]);
  });

  it("goes to its next pool and then to the fallback where its own is down", () => {
    assert.equal(chooser(pool, "bc").choose(from("x", "DE")), "b");
    assert.equal(chooser(pool, "c").choose(from("x", "DE")), "c");
  });

  it("is asked for by what was configured", () => {
    const asked: unknown[] = [];
    chooser(pool, "abc").choose({ client: () => "", place: (...what) => void asked.push(what) as undefined });
    assert.deepEqual(asked, [["country", "x-country"]]);
  });
});
