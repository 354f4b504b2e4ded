import { accessSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { environment } from "./processes.ts";

/** The machine, and which of its cores do what. */

/** Without it nothing can be measured. */
export const hasProc = exists("/proc/self/schedstat") &&
  exists("/proc/self/stat");

const allowed = allowedCores();
const hasTaskset = isInstalled("taskset");

/** The proxy has one core for itself, load and backends share the other. */
export const cores = hasTaskset && allowed.length > 1
  ? { proxy: allowed[0] as number, load: allowed[1] as number }
  : undefined;

export function onCore(
  core: "proxy" | "load",
  command: readonly string[],
): readonly string[] {
  return cores === undefined ? command : ["taskset", "-c", String(cores[core]), ...command];
}

/**
 * Keeps the cores from sleeping until the bench ends, as cyclictest does; gives back whether it may.
 *
 * Waking a core is work of whoever sends to it: without this, a slow proxy pays more for each write than a quick one, whose load never rests.
 */
export function keepAwake(): boolean {
  try {
    writeSync(openSync("/dev/cpu_dma_latency", "w"), new Int32Array([0])); // µs; holds as long as the file is open
    return true;
  } catch {
    return false;
  }
}

/** Why processes are not pinned; absent: they are. */
export function whyUnpinned(): string | undefined {
  if (cores !== undefined) return undefined;
  return hasTaskset
    ? "There is one core only: proxy, backends and load share it."
    : "taskset is not installed: proxy, backends and load run on any core.";
}

export function machine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${allowed.length} x ${first?.model.trim() ?? "unknown processor"}, ${memory}, Linux ${release()}`;
}

/** Whether a program is found where commands are looked for. */
export function isInstalled(program: string): boolean {
  return (environment()["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function allowedCores(): number[] {
  const list = exists("/proc/self/status")
    ? readFileSync("/proc/self/status", "utf8").match(
      /^Cpus_allowed_list:\s*(\S+)/m,
    )?.[1]
    : undefined;
  if (list === undefined) return cpus().map((_, core) => core);
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from(
      { length: last - first + 1 },
      (_, index) => first + index,
    );
  });
}

function exists(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}
