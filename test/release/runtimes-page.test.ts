import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runtimes } from "../conformance/runtimes.ts";
import { gaps as hostileGaps } from "../hostile/gaps.ts";
import { cellsOf, promises, titleOf } from "../support/promises.ts";
import { rowOf, runtimeColumns, runtimesPage, tablesOf } from "../support/runtimes-page.ts";
import { traits } from "../../src/runtimes/traits.ts";

const columns = Object.values(runtimeColumns);
const tables = tablesOf(runtimesPage);
const rowsUnder = (first: string) => tables.filter(({ header }) => header[0] === first).flatMap(({ rows }) => rows);

const byFirst = (one: readonly string[], other: readonly string[]) => one[0]!.localeCompare(other[0]!);

describe("the page about the runtimes", () => {
  it("has tables of known kinds only, with a column a runtime where there is one", () => {
    const kinds = new Set(["", "in", "promise", "option", "hostile bytes"]);
    for (const { header, section, rows } of tables) {
      assert.ok(kinds.has(header[0]!), `${section}: ${header.join()}`);
      assert.deepEqual(header.slice(-columns.length), columns, section);
      for (const row of rows) {
        assert.equal(row.length, header.length, rowOf(row));
      }
    }
  });

  it("says of each promise what the conformance suite says", () => {
    const rows = rowsUnder("promise");
    assert.ok(rows.length > 60);
    for (const row of rows) {
      const same = promises.filter((promise) => titleOf(promise) === row[0]);
      assert.equal(
        same.length,
        1,
        `one case is called ${JSON.stringify(row[0])}`,
      );
      assert.deepEqual(
        row,
        cellsOf(same[0]!),
        `it should say\n${rowOf(cellsOf(same[0]!))}\n`,
      );
    }
    assert.equal(
      new Set(rows.map(([title]) => title)).size,
      rows.length,
      "a promise has one row",
    );
  });

  it("tells everything that a runtime cannot do", () => {
    const told = new Set(rowsUnder("promise").map(([title]) => title));
    const missing = promises.filter((promise) =>
      Object.keys(promise.gaps ?? {}).length > 0 && !told.has(titleOf(promise))
    );
    assert.deepEqual(
      missing.map(titleOf),
      [],
      `these rows are missing:\n${missing.map((one) => rowOf(cellsOf(one))).join("\n")}\n`,
    );
  });

  it("tells every option that a runtime cannot keep, and no other", () => {
    const said = rowsUnder("option").flatMap(([options = "", ...cells]) =>
      [...options.matchAll(/`([^`]+)`/g)].map((
        [, path = ""],
      ) => [path, ...cells])
    );
    const paths = new Set(
      runtimes.flatMap((runtime) => traits[runtime].cannot.map(({ path }) => path)),
    );
    const expected = [...paths].map((path) => [
      path,
      ...runtimes.map((runtime) => traits[runtime].cannot.find((one) => one.path === path)?.why ?? "yes"),
    ]);
    assert.deepEqual(said.sort(byFirst), expected.sort(byFirst));
  });

  it("tells what a runtime's own server lets pass of hostile bytes", () => {
    const expected = hostileGaps.map(({ what, runtimes: those }) => [
      what,
      ...runtimes.map((runtime) => (those.includes(runtime) ? "yes" : "no")),
    ]);
    assert.deepEqual(
      rowsUnder("hostile bytes").sort(byFirst),
      expected.sort(byFirst),
      `it should say\n${expected.map(rowOf).join("\n")}\n`,
    );
  });
});
