import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { scenarios } from "../../src/sim/scenarios/index.ts";
import { type CommandLine, root, run } from "../release/command.ts";
import { temporaryFolder } from "../release/folder.ts";
import { blocksOf } from "../release/markdown.ts";

const cli = join(root, "src/cli.ts");
const runtimes: Readonly<Record<string, CommandLine>> = {
  node: ["node", cli],
  bun: ["bun", cli],
  deno: ["deno", "run", "-A", cli],
};
const simulate = (...args: string[]): CommandLine => ["node", cli, "simulate", ...args];

const small = { duration: "5s", backends: [{ name: "b", count: 2, service: "10ms" }], clients: { rate: 50 } };

/** Writes a file into a folder of its own; gives back the folder. */
function folderWith(name: string, text: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), text);
  return folder;
}

describe("simulate", () => {
  it("names its scenarios, a line each", async () => {
    const { status, output } = await run(simulate("--list"));
    assert.equal(status, 0);
    const names = output.split("\n").map((line) => /^(\S+) +\S.{20,}$/.exec(line)?.[1]);
    assert.deepEqual(names, Object.keys(scenarios));
  });

  it("prints the same table on Node, Bun and Deno, and how long it took only beside it", async () => {
    const told = await Promise.all(Object.values(runtimes).map((line) => run([...line, "simulate", "power-of-two"])));
    assert.deepEqual(told.map(({ status }) => status), [0, 0, 0]);
    assert.match(told[0]!.output, /^n requests at once .*\n\n +requests +peak\nrandom-100 +100 +\d+\n/);
    assert.deepEqual(new Set(told.map(({ output }) => output)).size, 1);
    for (const { errors } of told) assert.match(errors, /^\d+ requests in [\d.]+ s; a million would take [\d.]+ s\n$/);
  });

  it("has other chances with another seed", async () => {
    const seeds = await Promise.all(["1", "1", "2"].map((seed) => run(simulate("hash", "--seed", seed))));
    assert.equal(seeds[0]!.output, seeds[1]!.output);
    assert.notEqual(seeds[0]!.output, seeds[2]!.output);
  });

  it("prints JSON, Markdown and plots for programs", async () => {
    const cwd = folderWith("small.json", JSON.stringify(small));
    const inFormat = async (format: string) =>
      (await run(simulate("./small.json", "--format", format), { cwd })).output;
    assert.equal(JSON.parse(await inFormat("json")).runs[0].figures.errors, 0);
    assert.match(await inFormat("markdown"), /^\| requests \| errors \|/);
    assert.match(await inFormat("svg"), /^<svg [^]*<\/svg>$/);
  });

  it("writes a page", async () => {
    const cwd = folderWith("small.yaml", JSON.stringify(small));
    const { status } = await run(simulate("small.yaml", "--html", "page.html"), { cwd });
    assert.equal(status, 0);
    assert.match(readFileSync(join(cwd, "page.html"), "utf8"), /^<!doctype html>[^]*<\/html>\n$/);
  });

  it("plays the scenario that the documents show", async () => {
    const page = readFileSync(join(root, "docs/simulator.md"), "utf8");
    const shown = blocksOf(page).find(({ language }) => language === "json");
    const { status, output, errors } = await run(simulate("shop.json"), { cwd: folderWith("shop.json", shown!.text) });
    assert.equal(status, 0, errors);
    assert.match(output, /short-timeout +\d/);
  });

  const refusals: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /expected one scenario/],
    [["hash", "tail"], /expected one scenario/],
    [["retrystorm"], /there is no scenario "retrystorm"; did you mean "retry-storm"\?/],
    [["toString"], /there is no scenario "toString"/],
    [["hash", "--seed", "x"], /"x" is not a seed/],
    [["hash", "--format", "pdf"], /"pdf" is no format: expected text, markdown, json, svg/],
    [["nowhere.json"], /nowhere\.json/],
    [
      ["wrong.json"],
      /^roundabout: wrong\.json:1:\d+: backends\[0\]\.workers: expected a whole number from 0, found -1\n/,
    ],
  ];
  for (const [args, says] of refusals) {
    it(`refuses "${args.join(" ")}" with status 2`, async () => {
      const wrong = { ...small, backends: [{ ...small.backends[0], workers: -1 }] };
      const cwd = folderWith("wrong.json", JSON.stringify(wrong));
      const { status, output, errors } = await run(simulate(...args), { cwd });
      assert.deepEqual([status, output], [2, ""], errors);
      assert.match(errors, says);
      assert.doesNotMatch(errors, /^\s+at \S/m);
    });
  }

  it("says where a page cannot be written, with status 1", async () => {
    const { status, errors } = await run(simulate("power-of-two", "--html", "no/such/folder/page.html"));
    assert.equal(status, 1);
    assert.match(errors, /roundabout: no\/such\/folder\/page\.html cannot be written/);
  });
});
