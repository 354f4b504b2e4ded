/** `npm run bench -- --picks`: how long it takes to choose a backend, and to play a million requests, on each runtime that can be measured so. */
import { median } from "../figures.ts";
import { machine, onCore } from "../machine.ts";
import { versionIn, versionOf } from "../peers/versions.ts";
import { runToEnd } from "../processes.ts";
import { short, table } from "../report/table.ts";
import type { Measured } from "./measured.ts";

const runtimes = {
  node: { title: "Node", command: ["node"] },
  bun: { title: "Bun", command: ["bun"] },
  deno: { title: "Deno", command: ["deno", "run", "-A"] },
} as const;

export interface Picks {
  /** In Markdown. */
  readonly text: string;
  /** By runtime. */
  readonly measured: Readonly<Record<string, readonly Measured[]>>;
  /** Whether no policy takes longer than it may. */
  readonly isWithin: boolean;
}

/** @param tell what is being done */
export async function measurePicks(
  rounds: number,
  tell: (line: string) => void,
): Promise<Picks> {
  const measured: Record<string, readonly Measured[]> = {};
  const seconds: string[] = [];
  for (const [name, { title, command }] of Object.entries(runtimes)) {
    const version = versionIn(await versionOf([name, "--version"]));
    tell(`picks on ${title} ${version}`);
    const { standardOutput } = await runToEnd(
      onCore("proxy", [...command, "bench/picks/program.ts", `${rounds}`]),
    );
    measured[`${title} ${version}`] = JSON.parse(
      standardOutput(),
    ) as readonly Measured[];
    seconds.push(await secondsOfAMillion(command));
  }
  const isWithin = Object.values(measured).flat().every((each) => nsOf(each) <= most(each));
  return { text: markdown(measured, seconds, rounds), measured, isWithin };
}

/** Seconds that the simulator needs for a million requests, as it says itself. */
async function secondsOfAMillion(command: readonly string[]): Promise<string> {
  const { said } = await runToEnd(
    onCore("proxy", [...command, "src/cli.ts", "simulate", "million"]),
  );
  return /a million would take ([\d.]+) s/.exec(said())?.[1] ?? "unknown";
}

/** Nanoseconds that a pick may take; only hash and least connections compare all candidates. */
function most({ name, backends }: Measured): number {
  if (!isPolicy(name)) return Number.POSITIVE_INFINITY;
  if (backends === 3) return 150;
  return /^(?:hash|least-connections)\b/.test(name) ? 30_000 : 3_000;
}

const isPolicy = (name: string) => !name.includes(" and ");
const nsOf = ({ ns }: Measured) => median(ns);

function markdown(
  measured: Picks["measured"],
  seconds: readonly string[],
  rounds: number,
): string {
  const columns = Object.values(measured);
  const rows = columns[0]!.map((first, row) => [
    first.name,
    first.backends.toLocaleString("en"),
    first.weights,
    isPolicy(first.name) ? most(first).toLocaleString("en") : "",
    ...columns.map((column) => figure(column[row]!)),
  ]);
  const date = new Date().toISOString().slice(0, 10);
  const effort = rounds === 1 ? "one round" : `${rounds} rounds`;
  const lines = [
    "# Picks",
    "",
    `Nanoseconds of CPU time a pick, made by \`npm run bench -- --picks\` on ${date}, on ${machine()}. Each figure is the median ` +
    `of ${effort}. What is above the most that it may be is in bold.`,
    "",
    ...table([
      "Policy",
      "Backends",
      "Weights",
      "At most",
      ...Object.keys(measured),
    ], rows),
    "",
    "Seconds for a million requests of `roundabout simulate million`:",
    "",
    ...table(Object.keys(measured), [seconds]),
  ];
  return `${lines.join("\n")}\n`;
}

function figure(each: Measured): string {
  const text = short(nsOf(each));
  return nsOf(each) > most(each) ? `**${text}**` : text;
}
