import { writeFileSync } from "node:fs";
import process from "node:process";
import { nearest } from "../core/problems.ts";
import { type ConfigSource, createSource, readConfig } from "../runtimes/config-file.ts";
import { traits } from "../runtimes/traits.ts";
import { planStudy } from "../sim/plan.ts";
import { play, type Played } from "../sim/play.ts";
import { asHtml } from "../sim/report/html.ts";
import { asJson } from "../sim/report/json.ts";
import { plotsOf } from "../sim/report/plots.ts";
import { asSvg } from "../sim/report/svg.ts";
import { asMarkdown, asText, notesOf, tableOf } from "../sim/report/table.ts";
import { scenarios } from "../sim/scenarios/index.ts";
import { type Command, parseOptions, StartError, UsageError } from "./command.ts";

const options = {
  list: { type: "boolean" },
  seed: { type: "string", default: "1" },
  format: { type: "string", default: "text" },
  html: { type: "string" },
} as const;

const formats: Readonly<Record<string, (played: Played) => string>> = {
  text: (played) => [played.study.title, "", asText(tableOf(played)), "", ...notesOf(played)].join("\n"),
  markdown: (played) => asMarkdown(tableOf(played)),
  json: asJson,
  svg: (played) => asSvg(plotsOf(played)),
};

/** `roundabout simulate`: plays a scenario on the core with a virtual clock. */
export const simulate: Command = {
  summary: "play a scenario on the balancer's own core, with a clock that needs no time",
  usage: `SCENARIO [options]

  SCENARIO         one of --list, or a file with one: .json, .jsonc, .yaml, .toml or .ts
  --list           what comes along
  --seed NUMBER    other chances; the same seed gives the same table, on every runtime; 1 by default
  --format FORMAT  text, markdown, json, or svg for the plots alone; text by default
  --html FILE      also writes a page with the table and the plots`,
  async run(args) {
    const { values, positionals } = parseOptions(args, options);
    if (values.list === true) return say(list());
    const format = Object.hasOwn(formats, values.format) ? formats[values.format] : undefined;
    if (format === undefined) {
      throw new UsageError(`"${values.format}" is no format: expected ${Object.keys(formats).join(", ")}`);
    }
    const seed = seedFrom(values.seed);
    const source = await sourceOf(positionals);
    const study = source.check(() => planStudy(source.raw, traits));
    const startedAt = performance.now();
    const played = play(study, seed);
    tellSpeed(played, performance.now() - startedAt);
    if (values.html !== undefined) write(values.html, asHtml(played));
    return say(format(played));
  },
};

async function sourceOf(positionals: readonly string[]): Promise<ConfigSource> {
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("expected one scenario");
  if (Object.hasOwn(scenarios, name)) return createSource(scenarios[name], name);
  if (/[./\\]/.test(name)) return await readConfig({ file: name, directory: process.cwd() });
  const meant = nearest(name, Object.keys(scenarios));
  const hint = meant === undefined ? "--list names them" : `did you mean "${meant}"?`;
  throw new UsageError(`there is no scenario "${name}"; ${hint}`);
}

function seedFrom(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`"${text}" is not a seed: expected a number from 0 to 999999999`);
  return Number(text);
}

function list(): string {
  const width = Math.max(...Object.keys(scenarios).map((name) => name.length));
  return Object.entries(scenarios).map(([name, { title }]) => `${name.padEnd(width)}  ${title}`).join("\n");
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new StartError(`${file} cannot be written: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Not among the results: it is not the same twice. */
function tellSpeed({ runs }: Played, ms: number): void {
  const requests = runs.reduce((sum, { run }) => sum + run.requests, 0);
  const seconds = (ms / 1000).toFixed(1);
  const perMillion = (ms / 1000 / (requests / 1_000_000 || 1)).toFixed(1);
  process.stderr.write(`${requests} requests in ${seconds} s; a million would take ${perMillion} s\n`);
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}
