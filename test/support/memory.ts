import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Why no process's memory can be read here; false where it can. */
export const noMemory: string | false = existsSync("/proc/self/status")
  ? false
  : "this system tells no process's memory";

const mebibyte = 1024 * 1024;

/** Resident mebibytes of a process and all that it started. */
export function residentMebibytes(pid: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statusOf(Number(name), "PPid"));
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const sum = (process: number): number =>
    (children.get(process) ?? []).reduce(
      (total, child) => total + sum(child),
      Number.parseInt(statusOf(process, "VmRSS")) * 1024 || 0,
    );
  return sum(pid) / mebibyte;
}

function statusOf(pid: number, field: string): string {
  try {
    return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  } catch {
    return ""; // gone since it was listed
  }
}
