import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Exit, type RunningProcess, runProcess } from "../support/process.ts";
import { eventually, within } from "../support/wait.ts";
import { exchange } from "../support/raw-client.ts";
import { commandsOf, type RuntimeName } from "./runtimes.ts";

const root = resolve(import.meta.dirname, "../..");

/** A configuration as a user writes it; what is wrong with it is the balancer's to say. */
export type ConfigObject = Record<string, unknown>;

/** One line of the balancer's log, as its JSON says. */
export type LogLine = Record<string, unknown>;

/** A balancer in a process of its own. */
export interface RunningBalancer {
  readonly port: number;
  readonly process: RunningProcess;
  logs(): readonly LogLine[];
  waitForLog(
    predicate: (line: LogLine, text: string) => boolean,
    what: string,
    milliseconds?: number,
  ): Promise<LogLine>;
  /** Sends `signal` and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

const parseLine = (text: string): LogLine | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
};

const listening = /listening on https?:\/\/[^\s"]*?:(\d+)/;

const directories = new Set<string>();
process.on("exit", () => directories.forEach((directory) => rmSync(directory, { recursive: true, force: true })));

/** A file with this text, gone when the tests end. */
export function temporaryFile(name: string, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "conformance-"));
  directories.add(directory);
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

function run([command, ...args]: readonly [string, ...string[]], environment: NodeJS.ProcessEnv = {}): RunningProcess {
  const path = `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`;
  return runProcess(command, args, { cwd: root, env: { ...process.env, NO_COLOR: "1", ...environment, PATH: path } });
}

async function watch(running: RunningProcess): Promise<RunningBalancer> {
  const line = await running.waitForLine((text) => listening.test(text), "the line that says where it listens", 20_000);
  const port = Number(listening.exec(line)?.[1]);
  return {
    port,
    process: running,
    logs: () => running.lines().map(parseLine).filter((line) => line !== undefined),
    async waitForLog(predicate, what, milliseconds) {
      const take = (text: string) => {
        const parsed = parseLine(text);
        return parsed !== undefined && predicate(parsed, text);
      };
      return parseLine(await running.waitForLine(take, what, milliseconds)) as LogLine;
    },
    async stop(signal = "SIGTERM") {
      running.kill(signal);
      return await within(15_000, `the end after ${signal}`, running.exit);
    },
  };
}

/** Runs the balancer's command with a configuration file and waits for nothing: for starts that must fail. */
export const launch = (
  runtime: RuntimeName,
  file: string,
  environment?: NodeJS.ProcessEnv,
  serve = commandsOf(runtime).serve,
): RunningProcess => run([...serve, "-c", file], environment);

/** Starts a balancer and waits until it listens. @param serve what serves instead of the runtime's command */
export async function startBalancer(
  runtime: RuntimeName,
  config: ConfigObject,
  serve?: readonly [string, ...string[]],
): Promise<RunningBalancer> {
  const file = temporaryFile("roundabout.json", JSON.stringify(config, undefined, 2));
  const running = launch(runtime, file, undefined, serve);
  return await watch(running).catch(async (error: unknown) => {
    await running.end();
    throw error;
  });
}

/** Starts the program that has mounted a balancer over `backend` in an app of its own. */
export async function startMounted(runtime: RuntimeName, backend: string): Promise<RunningBalancer> {
  const running = run(commandsOf(runtime).mounted, { BACKEND: backend });
  return await watch(running).catch(async (error: unknown) => {
    await running.end();
    throw error;
  });
}

/** Waits until the balancer says that every pool had its first sweep. */
export const ready = (port: number, path = "/_roundabout/readyz"): Promise<true> =>
  eventually(
    8000,
    "a ready balancer",
    async () => ((await exchange(port, { target: path })).status === 200 ? true : undefined),
  );
