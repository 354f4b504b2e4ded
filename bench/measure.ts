import { readdirSync, readFileSync } from "node:fs";

/** What a process and all that it started have used, from /proc. */

export interface Usage {
  /** Nanoseconds on a CPU, by thread: a thread that ends takes its own along. */
  readonly threads: ReadonlyMap<string, number>;
  /** Milliseconds in steps of ten, of ended threads too. */
  readonly coarseMs: number;
}

/** The process, its children, theirs. */
export function treeOf(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? statOf(Number(name))?.parent : undefined;
    if (parent !== undefined) {
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    }
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** As `ps` shows it. */
export function nameOf(pid: number): string {
  return read(`/proc/${pid}/comm`)?.trim() ?? "";
}

export function usageOf(pids: readonly number[]): Usage {
  const threads = new Map<string, number>();
  let coarseMs = 0;
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const onCpu = Number(
        read(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0],
      );
      if (Number.isFinite(onCpu)) threads.set(thread, onCpu);
    }
    coarseMs += statOf(pid)?.cpuMs ?? 0;
  }
  return { threads, coarseMs };
}

/** Microseconds between two looks. */
export function cpuUsBetween(before: Usage, after: Usage): number {
  let nanoseconds = 0;
  for (const [thread, onCpu] of after.threads) {
    nanoseconds += onCpu - (before.threads.get(thread) ?? 0);
  }
  const fine = nanoseconds / 1000;
  const coarse = (after.coarseMs - before.coarseMs) * 1000;
  // Further apart than its steps: threads came and went, and only the coarse one has counted them.
  return coarse - fine > 40_000 ? coarse : fine;
}

/** The most memory that the processes ever had at a time, each by itself, added up. */
export function peakMemoryMiB(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(read(`/proc/${pid}/status`)?.match(/^VmHWM:\s*(\d+)/m)?.[1] ?? 0));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}

/** The clock of /proc ticks a hundred times a second on every Linux that Node runs on. */
const msPerTick = 10;

function statOf(
  pid: number,
): { readonly parent: number; readonly cpuMs: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // After the name, which may have spaces and brackets: state, parent, ...; see proc(5).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // It ended while we looked.
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
