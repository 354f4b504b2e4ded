import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Log } from "../../core/ports.ts";
import { bundle } from "./bundle.ts";
import { files, sockets, workerdConfig, type WorkerdPlan } from "./capnp.ts";
import { createControl } from "./control.ts";
import { withFreePort } from "./free-port.ts";
import { startWorkerd, type Workerd } from "./process.ts";

/** A Workers entry that serves in workerd. */
export interface Running {
  readonly port: number;
  /** Of the door to the namespace, where the plan has one. */
  readonly keyValuePort: number | undefined;
  /** The exit status of workerd; `null` when a signal ended it. */
  readonly exit: Promise<number | null>;
  /** Calls `scheduled` at once and every minute. */
  start(): void;
  /** Ends the checks and turns readiness, while requests are still let in. */
  drain(): Promise<void>;
  /** Stops listening, and ends workerd when nothing is in flight any more. */
  stop(): void;
  kill(): void;
}

/** Bundles `entry` and runs it until it listens, on a free port if the plan has 0; the files that this takes are gone then.
 * @param onOutput gets what the Worker logs, by lines; absent: it goes to standard output
 * @throws {WorkerdError} when workerd ends instead: a taken port, a module that throws */
export async function runInWorkerd(
  entry: string,
  plan: Omit<WorkerdPlan, "secret">,
  log: Log,
  onOutput?: (line: string) => void,
): Promise<Running> {
  const { balancer, keyValue } = await bundle(entry);
  log.debug(`the bundle has ${Buffer.byteLength(balancer)} bytes`);
  const secret = randomUUID();
  const expected = [
    sockets.requests,
    sockets.control,
    ...(plan.keyValue?.port === undefined ? [] : [sockets.keyValue]),
  ];
  const start = (port: number) => {
    const texts = {
      [files.balancer]: balancer,
      [files.keyValue]: keyValue,
      [files.config]: plan.config,
      [files.workerd]: workerdConfig({ ...plan, port, secret }),
    };
    return withFiles(texts, (directory) => startWorkerd(join(directory, files.workerd), expected, onOutput));
  };
  const workerd = await (plan.port === 0 ? withFreePort(plan.hostname, start) : start(plan.port));
  log.debug(`workerd runs as process ${workerd.pid}`);

  const control = createControl(portOf(workerd, sockets.control), secret, log);
  return {
    port: portOf(workerd, sockets.requests),
    keyValuePort: workerd.ports.get(sockets.keyValue),
    exit: workerd.exit.finally(control.stopCron),
    start: control.startCron,
    async drain() {
      await control.close();
      control.stopCron();
    },
    stop: () => workerd.kill("SIGTERM"),
    kill: () => workerd.kill("SIGKILL"),
  };
}

const portOf = ({ ports }: Workerd, socket: string) => ports.get(socket) as number;

/** They hold secrets, perhaps: readable by their owner alone, and only while `work` needs them. */
async function withFiles<Result>(
  texts: Readonly<Record<string, string>>,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "roundabout-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text);
    return await work(directory);
  } finally {
    remove();
    process.off("exit", remove);
  }
}
