import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backends, complaints, parse } from "../support/config.ts";

/** Two pools, and a route to what is written as its pool. */
const steered = (pool: unknown) => ({
  pools: { web: { backends }, backup: { backends } },
  routes: [{ pool }],
});

describe("where a route leads", () => {
  const cases: readonly { written: unknown; value: unknown }[] = [
    { written: "web", value: { kind: "failover", pools: ["web"] } },
    { written: ["web", "backup"], value: { kind: "failover", pools: ["web", "backup"] } },
    {
      written: [{ pool: "web", weight: 95 }, { pool: "backup" }],
      value: { kind: "split", shares: [{ pool: "web", weight: 95 }, { pool: "backup", weight: 1 }] },
    },
    {
      written: [{ pool: "web" }, { pool: "backup", weight: 0 }],
      value: { kind: "split", shares: [{ pool: "web", weight: 1 }, { pool: "backup", weight: 0 }] },
    },
    {
      written: { by: "country", pools: { DE: "web", FR: ["backup", "web"] }, fallback: "backup" },
      value: {
        kind: "place",
        by: "country",
        pools: { DE: ["web"], FR: ["backup", "web"] },
        fallback: ["backup"],
      },
    },
    {
      written: { by: "colo", pools: { FRA: "web" }, fallback: ["web", "backup"], header: "x-colo" },
      value: { kind: "place", by: "colo", pools: { FRA: ["web"] }, fallback: ["web", "backup"], header: "x-colo" },
    },
  ];
  for (const { written, value } of cases) {
    it(`is understood: ${JSON.stringify(written)}`, () => {
      assert.deepEqual(parse(steered(written)).routes[0]?.pool, value);
    });
  }

  const unknown = (found: string) => `: expected the name of a pool, found "${found}"; there are: web, backup`;
  const listed = "the name of a pool, or an object with it and a weight";
  const circle: Record<string, unknown> = {};
  circle["fallback"] = circle["pools"] = circle;
  const bad: readonly { written: unknown; told: readonly string[] }[] = [
    { written: undefined, told: [": expected the name of a pool, a list of them, or an object, found nothing"] },
    { written: 7, told: [": expected the name of a pool, a list of them, or an object, found 7"] },
    { written: "wbe", told: [': expected the name of a pool, found "wbe"; did you mean "web"?'] },
    { written: ["web", "other"], told: [`[1]${unknown("other")}`] },
    { written: [{ pool: "web" }, { pool: "other" }], told: [`[1].pool${unknown("other")}`] },
    {
      written: { by: "country", pools: { DE: "here", FR: ["web", "there"] }, fallback: "elsewhere" },
      told: [`.pools.DE${unknown("here")}`, `.pools.FR[1]${unknown("there")}`, `.fallback${unknown("elsewhere")}`],
    },
    { written: [], told: [": expected at least one pool, found []"] },
    { written: ["web", "web"], told: ['[1]: expected every pool once, found "web"'] },
    { written: [{ pool: "web" }, { pool: "web" }], told: ['[1].pool: expected every pool once, found "web"'] },
    {
      written: [{ pool: "web", weight: 0 }],
      told: [': expected at least one pool with a weight, found [{"pool":"web","weight":0}]'],
    },
    {
      written: [{ pool: "web", weight: -1 }],
      told: ["[0].weight: expected a number from 0 to 1000, found -1"],
    },
    { written: [{ weight: 1 }], told: ["[0].pool: expected the name of a pool, found nothing"] },
    { written: [7], told: [`[0]: expected ${listed}, found 7`] },
    {
      written: ["web", { pool: "backup" }],
      told: [': expected only names, or only objects with a weight, found ["web",{"pool":"backup"}]'],
    },
    {
      written: { by: "city", pools: {}, fallback: [], header: "x y" },
      told: [
        '.by: expected "country", "continent" or "colo", found "city"',
        ".pools: expected at least one place, found {}",
        ".fallback: expected at least one pool, found []",
        '.header: expected the name of a header field, found "x y"',
      ],
    },
    {
      written: { by: "country", pools: null },
      told: [
        ".pools: expected an object of pools by place, found null",
        ".fallback: expected the name of a pool or a list of names, found nothing",
      ],
    },
  ];
  for (const { written, told } of bad) {
    it(`is refused: ${JSON.stringify(written)}`, () => {
      assert.deepEqual(complaints(() => parse(steered(written))), told.map((line) => `routes[0].pool${line}`));
    });
  }

  it("is refused where it leads into itself", () => {
    assert.equal(complaints(() => parse(steered(circle))).length, 4);
  });
});
