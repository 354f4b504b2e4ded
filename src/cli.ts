#!/usr/bin/env node
import process from "node:process";
import { backend } from "./cli/backend.ts";
import { type Command, tellFailure, UsageError } from "./cli/command.ts";
import { demo } from "./cli/demo.ts";
import { serve } from "./cli/serve.ts";
import { simulate } from "./cli/simulate.ts";
import { version } from "./core/version.ts";

const commands: Readonly<Record<string, Command>> = { serve, demo, backend, simulate };

/** Runs the command that the arguments name; 2 for what cannot be understood, 1 for what fails. */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === "--version") return say(version);
  if (isHelp(name) || name === "help") return say(overview());
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  const usage = command === undefined ? overview() : `usage: roundabout ${name} ${command.usage}`;
  if (args.some(isHelp)) return say(usage);
  try {
    if (command === undefined) {
      throw new UsageError(name === undefined ? "expected a command" : `there is no command "${name}"`);
    }
    return await command.run(args);
  } catch (error) {
    return tellFailure(error, usage);
  }
}

const isHelp = (arg: string | undefined) => arg === "--help" || arg === "-h";

function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `usage: roundabout COMMAND [options]\n\n${rows.join("\n")}\n\nroundabout COMMAND --help says more`;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
