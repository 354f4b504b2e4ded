import { existsSync, readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/wait.ts";

/** Whether the system tells of its processes as Linux does. */
export const isTold = existsSync("/proc/self/fd");

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a process or a thread that has just gone
  }
};

/** A process and all that it started. */
function tree(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number)
  );
  return [pid, ...children.flatMap(tree)];
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, next) => total + next, 0);

/** Open files of a process and its children, sockets among them. */
const filesOf = (pid: number): number => sum(tree(pid).map((one) => readdirSync(`/proc/${one}/fd`).length));

/** Resident bytes of a process and its children. */
export const residentOf = (pid: number): number =>
  sum(tree(pid).map((one) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${one}/status`))?.[1] ?? 0) * 1024));

/** What a process has open, and how to wait until it has no more than that. */
export function watchFiles(pid: number): { settled(allowance: number): Promise<void> } {
  const before = isTold ? filesOf(pid) : 0;
  return {
    async settled(allowance) {
      if (!isTold) return;
      let now = 0;
      await eventually(15_000, `at most ${before} + ${allowance} open files`, async () => {
        now = filesOf(pid);
        return now <= before + allowance ? true : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${now} are open`, { cause: error });
      });
    },
  };
}
