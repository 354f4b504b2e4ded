/** `npm run bench`: the built product side by side with the field. Read this first. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { startBackends } from "./backends/backends.ts";
import { buildProduct } from "./build.ts";
import { makeCertificate } from "./certificate.ts";
import { figuresOf } from "./figures.ts";
import { installLibraries } from "./install.ts";
import { hasWrk } from "./load/send.ts";
import { hasProc, keepAwake, machine, whyUnpinned } from "./machine.ts";
import { type Options, optionsFrom, usage } from "./options.ts";
import { estimateSeconds, type Part, partsOf } from "./parts.ts";
import { peers } from "./peers/index.ts";
import { measurePicks } from "./picks/picks.ts";
import { endAll, temporaryFolder } from "./processes.ts";
import { markdown } from "./report/markdown.ts";
import type { Report } from "./report/report.ts";
import { type Result, runScenario } from "./rounds.ts";

const tell = (line: string) => void process.stderr.write(`bench: ${line}\n`);

/** Gives back the exit status: 1 when one of ours could not be measured where all of them can, or picks take too long. */
async function main(args: readonly string[]): Promise<number> {
  const options = parsed(args);
  if (options === undefined) return 2;
  if (!hasProc) {
    throw new Error("CPU time is read from /proc, which is on Linux only");
  }
  if (options.isPicks) return await picksOf(options);

  tell(
    (await buildProduct()) ? "dist is built" : "dist is newer than the sources",
  );
  const notInstalled = await installLibraries();
  if (notInstalled !== undefined) {
    tell(`the libraries could not be installed: ${notInstalled}`);
  }
  const wanted = partsOf(options);
  const { versions, missing } = await versionsOf(wanted);
  const parts = wanted.map(({ scenario, peers }) => ({
    scenario,
    peers: peers.filter(({ name }) => versions[name] !== undefined),
  }));

  const folder = temporaryFolder();
  const backends = await startBackends(`${folder}/backends`);
  const setting = {
    backends,
    certificate: await makeCertificate(folder),
    folder,
  };
  const effort = {
    rounds: options.rounds,
    seconds: options.seconds,
    // What is compiled as it runs begins at half its speed, and Node is at its own only after ten seconds of load.
    warmUpSeconds: options.isQuick ? 0 : 5,
  };
  const warmUp = `Everybody was warmed up for ${effort.warmUpSeconds} s.`;
  const notes = [...notesOn(backends.madeWith), warmUp];
  for (const note of notes) tell(note);

  tell(`this takes about ${duration(estimateSeconds(parts, effort))}`);
  const results: Result[] = [];
  for (const { scenario, peers } of parts) {
    tell(`${scenario.id}: ${scenario.title}`);
    results.push(...await runScenario(scenario, peers, setting, effort, tell));
  }

  const { rounds, seconds } = options;
  const scenarios = parts.map(({ scenario }) => scenario);
  const date = new Date().toISOString().slice(0, 10);
  const report = {
    date,
    machine: machine(),
    rounds,
    seconds,
    notes,
    versions,
    missing,
    scenarios,
    results,
  };
  tellResults(markdown(report), forPrograms(report), options);
  return results.some(isMissed) ||
      peers.some(({ name, isOurs }) => isOurs && missing[name] !== undefined)
    ? 1
    : 0;
}

async function picksOf(options: Options): Promise<number> {
  const { text, measured, isWithin } = await measurePicks(options.rounds, tell);
  tellResults(text, measured, options);
  return isWithin ? 0 : 1;
}

function parsed(args: readonly string[]): Options | undefined {
  try {
    return optionsFrom(args);
  } catch (error) {
    process.stderr.write(
      `bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`,
    );
    return undefined;
  }
}

/** Of everybody who takes part; or why not. */
async function versionsOf(parts: readonly Part[]) {
  const versions: Record<string, string> = {};
  const missing: Record<string, string> = {};
  for (const peer of new Set(parts.flatMap(({ peers }) => peers))) {
    try {
      versions[peer.name] = await peer.version();
    } catch (error) {
      missing[peer.name] = error instanceof Error ? error.message : String(error);
      tell(`${peer.name} is left out: ${missing[peer.name]}`);
    }
  }
  return { versions, missing };
}

/** How it is measured here, and what is not as it should be. */
function notesOn(backendsMadeWith: string): readonly string[] {
  const pinned = "A proxy has one core for itself; the load and three fast backends share another one.";
  return [
    whyUnpinned() ?? pinned,
    keepAwake()
      ? "No core sleeps."
      : "Cores may sleep, and to wake one costs whoever sends to it: run as root, it keeps them awake.",
    ...(hasWrk ? [] : [
      "wrk is not installed: a program on Node makes the load, slower than the fastest proxies.",
    ]),
    ...(backendsMadeWith === "nginx" ? [] : [`The backends are ${backendsMadeWith}.`]),
  ];
}

function tellResults(
  text: string,
  data: unknown,
  { out, json }: Options,
): void {
  if (out !== undefined) write(out, text);
  if (json !== undefined) write(json, `${JSON.stringify(data, null, 2)}\n`);
  process.stdout.write(text);
}

/** With what the figures say, and without what measures. */
function forPrograms(report: Report) {
  const scenarios = report.scenarios.map(({ id, title, unit }) => ({
    id,
    title,
    unit,
  }));
  const results = report.results.map((result) => ({
    ...result,
    figures: figuresOf(result, report.results),
  }));
  return { ...report, scenarios, results };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, text);
  tell(`written: ${file}`);
}

function isMissed({ peer, scenario, skipped }: Result): boolean {
  const isOurs = peers.some(({ name, isOurs }) => isOurs && name === peer);
  return isOurs && ["S1", "S2", "S3", "S4"].includes(scenario) &&
    skipped !== undefined;
}

function duration(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} minutes`;
}

const status = await main(process.argv.slice(2)).catch((error: unknown) => {
  tell(error instanceof Error ? error.message : String(error));
  return 1;
});
await endAll();
// A signal has set its own.
process.exit(process.exitCode ?? status);
