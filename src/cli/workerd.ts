import { join } from "node:path";
import process from "node:process";
import { getLogger } from "@logtape/logtape";
import { type Config, loadConfig } from "../core/config.ts";
import type { Log } from "../core/ports.ts";
import { type ConfigSource, readConfig } from "../runtimes/config-file.ts";
import { startLog } from "../runtimes/logging.ts";
import { traits } from "../runtimes/traits.ts";
import { announce } from "./announce.ts";
import { parseOptions, portFrom, StartError, tellFailure, UsageError } from "./command.ts";
import { runUntilSignal, type Serving, takeSignals } from "./lifecycle.ts";
import { logToStdout } from "./log.ts";
import type { WorkerdPlan } from "./workerd/capnp.ts";
import { WorkerdError } from "./workerd/process.ts";
import { relog } from "./workerd/relog.ts";
import { runInWorkerd, type Running } from "./workerd/run.ts";

const entry = join(import.meta.dirname, "../runtimes/workers.ts");
const usage = "usage: npm run start:workers -- [-c FILE]";
const log = getLogger(["roundabout"]) as Log;

/** Runs the Workers entry in workerd, with cron and a KV namespace in memory, until a signal; gives back the exit status. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, { config: { type: "string", short: "c" } });
  if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" is no option`);
  const source = await readConfig({
    setting: process.env["ROUNDABOUT_CONFIG"],
    file: values.config,
    directory: process.cwd(),
  });
  const { config, variables } = check(source);
  logToStdout(config.log);

  const signals = takeSignals();
  const running = await Promise.race([start(config, source.raw, variables), signals.first.then(() => undefined)]);
  if (running === undefined) return 0;
  if (running.keyValuePort !== undefined) {
    startLog.info(`the KV namespace is at http://127.0.0.1:${running.keyValuePort}`);
  }
  announce(config, [running.port], source.origin);
  running.start();
  return await runUntilSignal(servingOf(running), signals, config.shutdown, log);
}

/** The checked configuration, and which variables it takes from the environment. */
function check(source: ConfigSource): { config: Config; variables: readonly string[] } {
  const variables = new Set<string>();
  const lookup = (name: string) => {
    const value = process.env[name];
    if (value !== undefined) variables.add(name);
    return value;
  };
  return { config: source.check(() => loadConfig(source.raw, traits.workers, lookup)), variables: [...variables] };
}

async function start(config: Config, raw: unknown, fromEnvironment: readonly string[]): Promise<Running> {
  const { hostname, port } = config.listen[0];
  // As it was written: the Worker puts in the variables itself, as it does when it is deployed.
  const plan = { hostname, port, config: JSON.stringify(raw), fromEnvironment, keyValue: keyValueOf(config) };
  const isPretty = (config.log.format ?? (process.stdout.isTTY ? "pretty" : "json")) === "pretty";
  try {
    return await runInWorkerd(entry, plan, log, isPretty ? relog : undefined);
  } catch (error) {
    if (!(error instanceof WorkerdError)) throw error;
    const why = error.message.includes("Address already in use")
      ? "is taken by another process"
      : `cannot be served on: ${error.message}`;
    throw new StartError(`port ${port} on ${hostname} ${why}`, { cause: error });
  }
}

function keyValueOf({ store }: Config): WorkerdPlan["keyValue"] {
  if (store === "memory") return undefined;
  // For tests, which read what the checks have written and write what an admin would.
  const port = process.env["ROUNDABOUT_KV_PORT"];
  return { binding: store.binding, port: port === undefined ? undefined : portFrom(port) };
}

function servingOf({ exit, drain, stop, kill }: Running): Serving {
  const never = new Promise<never>(() => {});
  let isStopping = false;
  return {
    died: exit.then((status) => {
      if (isStopping && status === 0) return never;
      return `workerd ended by itself, ${status === null ? "by a signal" : `with status ${status}`}`;
    }),
    drain,
    async stop() {
      isStopping = true;
      stop();
      if ((await exit) !== 0) await never; // `died` tells
    },
    goAway: () => Promise.resolve(), // workerd knows its WebSockets, and cannot be told
    cut() {
      kill();
      return true;
    },
  };
}

process.exit(await main(process.argv.slice(2)).catch((error: unknown) => tellFailure(error, usage)));
