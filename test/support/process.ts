import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { within } from "./wait.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process, its output by lines. */
export interface RunningProcess {
  readonly pid: number;
  /** Standard output so far. */
  lines(): readonly string[];
  /** Standard error so far. */
  errors(): string;
  /** The first line, of those that came or will come, that `predicate` takes. */
  waitForLine(predicate: (line: string) => boolean, what: string, milliseconds?: number): Promise<string>;
  readonly exit: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Ends the process and whatever it started, and waits until it is gone. */
  end(): Promise<void>;
}

const groups = new Set<number>();
const endGroup = (pid: number) => {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone already, which is what was wanted.
  }
};
process.on("exit", () => groups.forEach(endGroup));
// Without these a killed test run would leave its balancers behind: the exit event is not sent for a signal's death.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

export function runProcess(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): RunningProcess {
  // Detached makes it the leader of a group of its own, so that one id ends its children too.
  const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  if (pid > 0) groups.add(pid);
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  let errors = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const listener of listeners) listener(line);
  });
  child.stderr.on("data", (chunk: Buffer) => void (errors += chunk.toString()));
  const exit = new Promise<Exit>((resolve) => {
    child.on("error", (error) => {
      errors += String(error);
      resolve({ code: null, signal: null });
    });
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  const output = () => `\nstdout:\n${lines.slice(-30).join("\n")}\nstderr:\n${errors.slice(-3000)}`;

  return {
    pid,
    lines: () => lines,
    errors: () => errors,
    async waitForLine(predicate, what, milliseconds = 8000) {
      const earlier = lines.find(predicate);
      if (earlier !== undefined) return earlier;
      let listener = (_line: string) => {};
      const came = new Promise<string>((resolve) => (listener = (line) => void (predicate(line) && resolve(line))));
      listeners.add(listener);
      const gone = exit.then(({ code }) => Promise.reject(new Error(`ended with ${code} before ${what}${output()}`)));
      try {
        return await within(milliseconds, () => `${what}${output()}`, Promise.race([came, gone]));
      } finally {
        listeners.delete(listener);
        gone.catch(() => {});
      }
    },
    exit,
    kill: (signal) => void child.kill(signal),
    async end() {
      // Of one that could not be started there is no group, and the group 0 is our own.
      if (pid > 0) endGroup(pid);
      await exit;
      groups.delete(pid);
    },
  };
}
