#!/usr/bin/env node
import process from "node:process";
import { backend } from "./cli/backend.ts";
import { type Command, UsageError } from "./cli/command.ts";
import { demo } from "./cli/demo.ts";
import { StartError } from "./cli/run.ts";
import { serve } from "./cli/serve.ts";
import { ConfigError } from "./core/config.ts";
import { version } from "./core/version.ts";

const commands: Readonly<Record<string, Command>> = { serve, demo, backend };

/** Runs the command that the arguments name; 2 for what cannot be understood, 1 for what fails. */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === "--version") return say(version);
  if (name === "--help" || name === "help") return say(overview());
  const command = commands[name ?? ""];
  if (command === undefined) return fail(2, name === undefined ? overview() : `there is no command "${name}"\n\n${overview()}`);
  if (args.includes("--help")) return say(`usage: roundabout ${name} ${command.usage}`);
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) return fail(2, `${error.message}\n\nusage: roundabout ${name} ${command.usage}`);
    if (error instanceof ConfigError) return fail(2, error.message);
    if (error instanceof StartError) return fail(1, error.message);
    throw error;
  }
}

function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `usage: roundabout COMMAND [options]\n\n${rows.join("\n")}\n\nroundabout COMMAND --help says more`;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function fail(status: number, text: string): number {
  process.stderr.write(`roundabout: ${text}\n`);
  return status;
}

process.exit(await main(process.argv.slice(2)));
