import { join } from "node:path";
import { parseArgs } from "node:util";
import { peers } from "./peers/index.ts";
import { root } from "./processes.ts";
import { scenarios } from "./scenarios/index.ts";

export const usage = `usage: npm run bench -- [options]

  --only NAME,...        these peers: ${peers.map(({ name }) => name).join(", ")}
  --scenarios NAME,...   these scenarios: ${scenarios.map(({ id }) => id).join(", ")}
  --rounds NUMBER        how often each is measured; the figure is the median of them (5)
  --seconds NUMBER       how long each time, in whole seconds (2)
  --picks                instead, what a pick costs, every policy on Node, Bun and Deno, and a simulation
  --quick                each peer and each scenario once, for a second: to see that it works
  --out FILE             where the report is written; docs/bench.md if everything is measured, else nowhere
  --json FILE            where the samples are written, for a program to read
`;

export interface Options {
  /** Names of peers; absent: all. */
  readonly only: readonly string[] | undefined;
  /** Names of scenarios; absent: all. */
  readonly scenarios: readonly string[] | undefined;
  readonly rounds: number;
  readonly seconds: number;
  readonly isQuick: boolean;
  /** Only the time that a pick takes is measured. */
  readonly isPicks: boolean;
  readonly out: string | undefined;
  readonly json: string | undefined;
}

/** @throws what is wrong with the arguments */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      scenarios: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      picks: { type: "boolean", default: false },
      out: { type: "string" },
      json: { type: "string" },
    },
  });
  const isPart = values.only !== undefined || values.scenarios !== undefined ||
    values.quick || values.picks;
  return {
    only: named(values.only, peers.map(({ name }) => name)),
    scenarios: named(values.scenarios, scenarios.map(({ id }) => id)),
    rounds: wholeNumber("--rounds", values.rounds, values.quick ? 1 : 5),
    seconds: wholeNumber("--seconds", values.seconds, values.quick ? 1 : 2),
    isQuick: values.quick,
    isPicks: values.picks,
    // A part of the table never takes the place of the whole one.
    out: values.out ?? (isPart ? undefined : join(root, "docs", "bench.md")),
    json: values.json,
  };
}

function named(
  text: string | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  const names = text?.split(",").map((name) => name.trim());
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`"${unknown}" is none of ${known.join(", ")}`);
  }
  return names;
}

function wholeNumber(
  option: string,
  text: string | undefined,
  fallback: number,
): number {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new Error(`${option} is a whole number from 1 on, not "${text}"`);
  }
  return Number(text);
}
