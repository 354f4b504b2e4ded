import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { treeOf } from "./measure.ts";

/** Everything that the bench starts, and that ends with it however it ends. */

export const root = resolve(import.meta.dirname, "..");

/** The project's own runtimes in front of the machine's, and no settings that a balancer would take for its own. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { ROUNDABOUT_CONFIG: _, NODE_OPTIONS: __, ...rest } = process.env;
  const path = [
    resolve(root, "node_modules/.bin"),
    rest["PATH"],
    "/usr/sbin",
    "/sbin",
  ].join(delimiter);
  return { ...rest, PATH: path, NO_COLOR: "1", ...more };
}

export interface Started {
  readonly pid: number;
  /** What it said so far, on both of its outputs; the last of it. */
  said(): string;
  readonly standardOutput: () => string;
  /** Its exit status; `null` when a signal ended it, or it never was. */
  readonly exit: Promise<number | null>;
  isRunning(): boolean;
  /** Ends it and its group: asked first, then by force. */
  end(): Promise<void>;
}

const running = new Map<number, Started>();
const ending = new AbortController();
const folders = new Set<string>();

export function startProcess(
  [command, ...args]: readonly string[],
  options: {
    readonly cwd?: string | undefined;
    readonly env?: NodeJS.ProcessEnv | undefined;
  } = {},
): Started {
  ending.signal.throwIfAborted();
  // A group of its own: one id ends its children too, and Ctrl-C reaches it through us alone.
  const child = spawn(command as string, args, {
    cwd: options.cwd ?? root,
    env: environment(options.env),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pid = child.pid ?? 0;
  let all = "";
  let out = "";
  let isRunning = pid > 0;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    all = (all + chunk).slice(-8000);
    out = (out + chunk).slice(-200_000);
  });
  child.stderr.setEncoding("utf8").on(
    "data",
    (chunk: string) => void (all = (all + chunk).slice(-8000)),
  );
  const exit = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      all += error.message;
      isRunning = false;
      resolve(null);
    });
    child.once("exit", () => void (isRunning = false));
    child.once("close", resolve);
  });
  const started: Started = {
    pid,
    said: () => all,
    standardOutput: () => out,
    exit,
    isRunning: () => isRunning,
    async end() {
      if (pid === 0) return;
      const tree = treeOf(pid);
      signal(-pid, "SIGTERM");
      await Promise.race([exit, sleep(3000, undefined, { ref: false })]);
      // What is left of its group, and of what it started in others, has no reason to stay.
      for (const each of [-pid, ...tree.filter((child) => child !== pid)]) {
        signal(each, "SIGKILL");
      }
      await exit;
      running.delete(pid);
    },
  };
  if (pid > 0) running.set(pid, started);
  return started;
}

/** Ends everything that still runs; nothing is started any more. */
export async function endAll(): Promise<void> {
  ending.abort(new Error("the bench ends"));
  await Promise.all([...running.values()].map((started) => started.end()));
}

/** Whether there is no use in going on. */
export const isEnding = () => ending.signal.aborted;

/** Runs a command to its end.
 * @throws with what it said when it fails */
export async function runToEnd(
  command: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly timeoutMs?: number;
  } = {},
): Promise<Started> {
  const started = startProcess(command, options);
  const late = sleep(options.timeoutMs ?? 120_000, "late" as const, {
    ref: false,
  });
  const status = await Promise.race([started.exit, late]);
  await started.end();
  if (status !== 0) {
    throw new Error(
      `${command[0]} ${status === "late" ? "did not end" : "failed"}: ${started.said().trim()}`,
    );
  }
  return started;
}

/** The last line that says something. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

/** Why a program ended, from what it said: the line with its error, or else the last. */
export function lastWords(text: string): string {
  const complaint = text.split("\n").find((line) => /^(?:\w*Error\b|error\b)|\[(?:emerg|alert)\]/i.test(line));
  return (complaint ?? lastLine(text)).trim() || "it said nothing";
}

/** A folder that is gone when the bench is. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "roundabout-bench-"));
  folders.add(folder);
  return folder;
}

/** @param id of a process; of a group, with a minus in front */
function signal(id: number, name: NodeJS.Signals): void {
  try {
    process.kill(id, name);
  } catch {
    // It is gone already, which is what was wanted.
  }
}

// Whatever goes wrong on the way: nothing stays.
process.on("exit", () => {
  for (const pid of running.keys()) {
    for (const each of [-pid, ...treeOf(pid)]) signal(each, "SIGKILL");
  }
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});
for (
  const [name, status] of [["SIGINT", 130], ["SIGTERM", 143], [
    "SIGHUP",
    129,
  ]] as const
) {
  process.once(name, () => {
    process.exitCode = status;
    void endAll();
  });
}
