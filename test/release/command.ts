import { delimiter, resolve } from "node:path";
import { type RunningProcess, runProcess } from "../support/process.ts";
import { within } from "../support/wait.ts";

export const root = resolve(import.meta.dirname, "../..");

/** What npm hands down to what it runs, but for where packages come from. */
const handedDown = /^npm_(?!config_(?:registry|cache|userconfig|globalconfig|cafile|.*proxy)$)/i;

/** What a person has in a fresh terminal, with the project's own runtimes in front of the machine's. */
function environment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ROUNDABOUT_CONFIG: __, ...rest } = process.env;
  const kept = Object.entries(rest).filter(([name]) => !handedDown.test(name));
  const path = `${resolve(root, "node_modules/.bin")}${delimiter}${rest["PATH"]}`;
  return { ...Object.fromEntries(kept), PATH: path, NO_COLOR: "1", CI: "1" };
}

export interface Place {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A command and its arguments. */
export type CommandLine = readonly [command: string, ...args: string[]];

/** Starts a command that has to be ended. */
export function start(
  [command, ...args]: CommandLine,
  { cwd = root, env = {} }: Place = {},
): RunningProcess {
  const running = runProcess(command, args, {
    cwd,
    env: { ...environment(), ...env },
  });
  // A process that never was has no group to end, and the group 0 is our own.
  if (running.pid === 0) {
    throw new Error(`${command} cannot be started in ${cwd}`);
  }
  return running;
}

/** What a command has left when it ended. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command to its end, which has to come by itself. */
export async function run(
  line: CommandLine,
  place?: Place,
  milliseconds = 60_000,
): Promise<Ended> {
  const running = start(line, place);
  try {
    const { code } = await within(
      milliseconds,
      () => `the end of ${line.join(" ")}\n${told(running)}`,
      running.exit,
    );
    return {
      status: code,
      output: running.lines().join("\n"),
      errors: running.errors(),
    };
  } finally {
    await running.end();
  }
}

/** Does `work` with a started command, which is gone afterwards with all that it started. */
export async function using<Value>(
  line: CommandLine,
  place: Place,
  work: (running: RunningProcess) => Promise<Value>,
): Promise<Value> {
  const running = start(line, place);
  try {
    return await work(running);
  } finally {
    await stopGroup(running);
  }
}

/** Ends a command and its children politely, which npx does not pass on, and then for certain. */
async function stopGroup(running: RunningProcess): Promise<void> {
  try {
    process.kill(-running.pid, "SIGTERM");
    await within(5000, "the end", running.exit);
  } catch {
    // It is gone already, or will not go by itself.
  }
  await running.end();
}

/** Everything that a command has said so far. */
export const told = (running: RunningProcess): string => `${running.lines().join("\n")}\n${running.errors()}`;

const listening = /listening on http:\/\/[^\s"]*:(\d+)/i;

/** The port that a started balancer says it listens on. */
export async function portOf(running: RunningProcess): Promise<number> {
  const line = await running.waitForLine(
    (text) => listening.test(text),
    "where it listens",
    20_000,
  );
  return Number(listening.exec(line)?.[1]);
}

/** A body as text, from a balancer on this machine. */
export async function get(
  port: number,
  path = "/",
  fields: Record<string, string> = {},
): Promise<[number, string]> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: fields,
    signal: AbortSignal.timeout(8000),
  });
  return [answer.status, await answer.text()];
}
