import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** A workerd that runs. What it says on standard error is said on ours. */
export interface Workerd {
  readonly pid: number;
  /** By the name of the socket. */
  readonly ports: ReadonlyMap<string, number>;
  /** Its exit status; `null` when a signal ended it. */
  readonly exit: Promise<number | null>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** workerd does not come to listen; the message is what it, or the system, said of it. */
export class WorkerdError extends Error {
  override readonly name = "WorkerdError";
}

// The binary itself: what npm links may be a script around it, which would take our signals.
const { default: binary } = createRequire(import.meta.url)("workerd") as { default: string };

// The shell becomes workerd. Its child waits at the pipe on 4, whose other end is ours alone: the system closes it when this
// process dies, whatever it dies of, and then workerd ($$) is killed.
const guarded = '(read -r word <&4; [ "$word" = ended ] || kill -KILL $$) >/dev/null 2>&1 3>&- & exec "$@" 4<&-';

/** Runs workerd until it listens on all `sockets`.
 * @param onOutput gets its standard output by lines; absent: they go to ours
 * @throws {WorkerdError} when it ends before that */
export async function startWorkerd(
  configFile: string,
  sockets: readonly string[],
  onOutput?: (line: string) => void,
): Promise<Workerd> {
  const child = spawn("/bin/sh", ["-c", guarded, "sh", binary, "serve", "--control-fd=3", configFile], {
    stdio: ["ignore", onOutput ? "pipe" : "inherit", "pipe", "pipe", "pipe"],
    // Out of the terminal's reach: Ctrl-C is for this process, which lets workerd end what is in flight.
    detached: true,
  });
  const [, output, errors, control, lifeline] = child.stdio as unknown as [
    null,
    Readable | null,
    Readable,
    Readable,
    Writable,
  ];
  lifeline.on("error", () => {});
  child.once("exit", () => lifeline.end("ended\n"));
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (output && onOutput) createInterface({ input: output }).on("line", onOutput);

  const complaints: Buffer[] = [];
  const keep = (chunk: Buffer) => void complaints.push(chunk);
  errors.on("data", keep);
  const ports = await Promise.race([listening(control, sockets), exit.then(() => undefined)]);
  const complaint = Buffer.concat(complaints).toString();
  if (ports === undefined) throw new WorkerdError(complaint.trim());
  process.stderr.write(complaint);
  errors.off("data", keep).pipe(process.stderr, { end: false });
  return { pid: child.pid as number, ports, exit, kill: (signal) => void child.kill(signal) };
}

/** The ports, when the last of the sockets has told its own. */
function listening(control: Readable, sockets: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  return new Promise((resolve) => {
    createInterface({ input: control }).on("line", (line) => {
      const { socket, port } = JSON.parse(line) as { socket: string; port: number };
      ports.set(socket, port);
      if (sockets.every((name) => ports.has(name))) resolve(ports);
    });
  });
}
