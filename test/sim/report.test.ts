import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { traits } from "../../src/runtimes/traits.ts";
import { planStudy } from "../../src/sim/plan.ts";
import { play } from "../../src/sim/play.ts";
import { asHtml } from "../../src/sim/report/html.ts";
import { asJson } from "../../src/sim/report/json.ts";
import { plotsOf } from "../../src/sim/report/plots.ts";
import { asSvg } from "../../src/sim/report/svg.ts";
import { asMarkdown, asText, notesOf, tableOf } from "../../src/sim/report/table.ts";

const played = play(
  planStudy({
    title: 'Two & "three" <b>',
    duration: "30s",
    backends: [{ name: "b", count: 2, service: "1200ms" }],
    clients: { rate: 100 },
    outages: [{ backends: ["b1"], as: "503", from: "10s", to: "20s" }],
    pool: { healthCheck: false },
    variants: { plain: {}, "no-retries": { pool: { retry: { attempts: 0 }, outlierDetection: false } } },
    columns: ["errors", "errorPercent", "amplification", "p99", "errorTime", "judgedFirst"],
  }, traits),
  1,
);

describe("a report", () => {
  const [plain, noRetries] = tableOf(played).rows;

  it("has a row a run and a column a figure, and says where there is nothing to tell", () => {
    assert.deepEqual(tableOf(played).header, [
      "",
      "errors",
      "errors %",
      "amplification",
      "p99",
      "errors for",
      "judged after",
    ]);
    assert.equal(plain![0], "plain");
    assert.deepEqual(noRetries!.slice(3), ["1.000", "1,200 ms", "9.9 s", "–"]);
  });

  it("is text in columns", () => {
    const lines = asText(tableOf(played)).split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0]!, /^ {10} {2,}errors {2,}errors %/);
    assert.match(lines[2]!, /^no-retries {2,}\d+ .*1,200 ms +9\.9 s +–$/);
  });

  it("is a table in Markdown", () => {
    const [header, rule] = asMarkdown(tableOf(played)).split("\n");
    assert.equal(header, "|  | errors | errors % | amplification | p99 | errors for | judged after |");
    assert.equal(rule, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  });

  it("is JSON with all figures, whatever the columns", () => {
    const { seed, units, runs } = JSON.parse(asJson(played));
    assert.equal(seed, 1);
    assert.equal(units.p99, "milliseconds");
    assert.deepEqual(runs.map(({ name }: { name: string }) => name), ["plain", "no-retries"]);
    assert.deepEqual([runs[1].figures.p50, runs[1].figures.judgedFirst], [1200, null]);
    assert.deepEqual(runs[1].backends.map(({ id }: { id: string }) => id), ["b1", "b2"]);
  });

  it("explains its labels", () => {
    assert.ok(notesOf(played).includes("amplification: tries for each request"));
  });

  it("has no plots on which nothing happens", () => {
    const still = { duration: "30s", backends: [{ name: "b", service: 10 }], clients: { users: 5 } };
    assert.deepEqual(plotsOf(play(planStudy(still, traits), 1)), []);
  });

  it("has plots with a line a run", () => {
    const plots = plotsOf(played);
    assert.deepEqual(plots.map(({ title }) => title.split(",")[0]), [
      "errors per second",
      "p99 of good answers",
      "tries for each request",
      "share of b1",
    ]);
    for (const { lines } of plots) assert.deepEqual(lines.map(({ values }) => values.length), [120, 120]);
    const values = plots[0]!.lines[1]!.values.map((value) => value ?? Number.NaN);
    assert.equal(plots[1]!.lines[0]!.values[3], undefined, "no answer has come yet");
    assert.ok(Math.max(...values.slice(0, 40)) === 0 && Math.max(...values.slice(41, 79)) > 20);
  });

  it("is a page that loads nothing, with everything that was named escaped", () => {
    const page = asHtml(played);
    assert.match(page, /<h1>Two &#38; &#34;three&#34; &#60;b&#62;<\/h1>/);
    assert.doesNotMatch(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', ""), /https?:|src=|href=|url\(|@import/);
    assert.doesNotMatch(asSvg(plotsOf(played)), /NaN|Infinity|undefined/);
  });
});
