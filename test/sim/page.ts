import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { traits } from "../../src/runtimes/traits.ts";
import { planStudy } from "../../src/sim/plan.ts";
import { play, type Played } from "../../src/sim/play.ts";
import { plotsOf } from "../../src/sim/report/plots.ts";
import { asSvg } from "../../src/sim/report/svg.ts";
import { asMarkdown, tableOf } from "../../src/sim/report/table.ts";
import { scenarios } from "../../src/sim/scenarios/index.ts";

const folder = join(import.meta.dirname, "../../docs");
const pagePath = join(folder, "simulator.md");
const plotPath = (name: string) => join(folder, "simulator", `${name}.svg`);

/** What stands on the page between the marks of a scenario. */
export function tableOnPage(name: string): string | undefined {
  return readFileSync(pagePath, "utf8").match(marked(name))?.[2];
}

/** The plots of a scenario that the page shows; `undefined`: it shows none. */
export function plotsOnPage(name: string): string | undefined {
  return readFileSync(pagePath, "utf8").includes(`simulator/${name}.svg`)
    ? readFileSync(plotPath(name), "utf8")
    : undefined;
}

export const playNamed = (name: string): Played => play(planStudy(scenarios[name], traits), 1);
export const tableFor = (played: Played): string => asMarkdown(tableOf(played));
export const plotsFor = (played: Played): string => `${asSvg(plotsOf(played))}\n`;

const marked = (name: string) =>
  new RegExp(`(<!-- simulate ${name}: begin -->\n\n)([^]*?)(\n\n<!-- simulate ${name}: end -->)`);

// Not a test: run it after a change of what balances, and read what has changed in the tables.
if (import.meta.main) {
  let page = readFileSync(pagePath, "utf8");
  for (const name of Object.keys(scenarios)) {
    const played = playNamed(name);
    page = page.replace(marked(name), (_, begin: string, __, end: string) => begin + tableFor(played) + end);
    if (page.includes(`simulator/${name}.svg`)) writeFileSync(plotPath(name), plotsFor(played));
  }
  writeFileSync(pagePath, page);
}
