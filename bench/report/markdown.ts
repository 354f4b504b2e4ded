import { figuresOf } from "../figures.ts";
import { growthTable } from "./growth-table.ts";
import { overview, ratios, titleOf } from "./overview.ts";
import type { Report } from "./report.ts";
import { scenarioTable } from "./scenario-table.ts";
import { short } from "./table.ts";

/** The report for people. */
export function markdown(report: Report): string {
  const { date, machine, rounds, seconds, scenarios } = report;
  const effort = `${rounds === 1 ? "one round" : `${rounds} rounds`} of ${seconds} s`;
  const lines = [
    "# Benchmark",
    "",
    `Made by \`npm run bench\` on ${date}, on ${machine}. Each figure is the median of ${effort}; in brackets stands the ` +
    "median of its ratios to nginx, each taken within one round. Only ratios can be compared between runs.",
    "",
    "Roundabout runs as it is built, with its defaults: TCP health checks (but on Workers), retries, forwarding fields, request " +
    "ids; only the access log is off, as everybody's. CPU time is that of the whole process tree. A failed request makes the " +
    `figures void. ${report.notes.join(" ")}`,
    ...apart(report).flatMap((note) => ["", note]),
    "",
    ...overview(report),
    "",
    ...scenarios.filter(({ grows }) => !grows).map(({ id, title }) => `- ${id}: ${title}`),
    ...ratios(report),
    ...scenarios.flatMap((scenario) => (scenario.grows ? growthTable : scenarioTable)(scenario, report)),
  ];
  return `${lines.join("\n")}\n`;
}

/** Of what only runs a proxy, where it costs something. */
function apart({ results }: Report): readonly string[] {
  const [worst] = results
    .flatMap((result) => {
      const { cpuUs, apartUs, apartMiB } = figuresOf(result, results) ?? {};
      return apartUs !== undefined && cpuUs !== undefined &&
          apartUs > cpuUs.value / 100
        ? [{ result, apartUs, apartMiB }]
        : [];
    })
    .toSorted((a, b) => b.apartUs - a.apartUs);
  if (worst === undefined) return [];
  const { result: { peer, scenario }, apartUs, apartMiB = 0 } = worst;
  const most = `${short(apartUs)} µs a request (${scenario}) and ${short(apartMiB)} MiB`;
  return [`What runs ${titleOf(peer)} is not counted: at most ${most}.`];
}
