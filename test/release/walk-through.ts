import assert from "node:assert/strict";
import { createServer } from "node:net";
import process from "node:process";
import type { RunningProcess } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { type CommandLine, get, run, start, using } from "./command.ts";
import { steady, type Step } from "./markdown.ts";

/** The demo's ports; no others can stand in, because the README names them. */
const ports = [8080, 8081, 8082, 8083];

/** Why the demo cannot run here, or `false`. */
export async function demoHindrance(): Promise<string | false> {
  for (const port of ports) {
    if (!(await isFree(port))) {
      return `port ${port} is taken, and the demo has no other`;
    }
  }
  return false;
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** What the demo prints beside a backend. */
export interface Offer {
  readonly port: number;
  readonly pid: number;
  /** The command that brings it back. */
  readonly restart: string;
}

/** The demo's offers, when it has printed all. */
export async function offersOf(demo: RunningProcess): Promise<Offer[]> {
  await demo.waitForLine(
    (line) => line.includes("Ctrl-C"),
    "the end of the tour",
    20_000,
  );
  const offer = /backend (\d+): +kill (\d+) +brings it down; +(.+?) +brings it back/;
  return demo.lines().flatMap((line) => {
    const [, port, pid, restart] = offer.exec(line) ?? [];
    return restart === undefined ? [] : [{ port: Number(port), pid: Number(pid), restart }];
  });
}

/** Waits until a process has ended; what is left of a dead one until somebody asks how it died is not counted. */
export const isGone = (pid: number): Promise<true> =>
  eventually(5000, `the end of process ${pid}`, async () => {
    const { output } = await run(["ps", "-o", "stat=", "-p", String(pid)]);
    return output === "" || output.startsWith("Z") ? true : undefined;
  });

/**
 * Does with a demo what the steps say, and compares what is seen.
 *
 * `kill 1234 # … 8081` stands for the process of that port. A pause lasts until the demo has said what the person waits
 * for; so does the one before a kill, which then has a whole interval before the next check. A command that ends with
 * `&` goes on in the background.
 */
export async function play(
  steps: readonly Step[],
  demoLine: CommandLine,
): Promise<void> {
  const background: RunningProcess[] = [];
  await using(demoLine, {}, async (demo) => {
    const offers = await offersOf(demo);
    assert.deepEqual(offers.map(({ port }) => port), ports.slice(1));
    const awaited = new Set<string>();
    const settle = async () => {
      for (const news of awaited) {
        await demo.waitForLine((line) => line.includes(news), news, 10_000);
      }
      awaited.clear();
    };
    for (const { command, output } of steps) {
      if (command.startsWith("kill ")) {
        await settle();
        const named = [...(command.split("#")[1] ?? "").matchAll(/\d{4}/g)].map(
          ([port]) => Number(port),
        );
        const victims = offers.filter(({ port }) => named.includes(port));
        assert.ok(
          victims.length > 0 && victims.length === named.length,
          `whose processes these are: ${command}`,
        );
        // One that was being checked at this moment would be found dead at once: its answer comes after the check's.
        await Promise.all(victims.map(({ port }) => get(port, "/health")));
        for (const { port, pid } of victims) {
          process.kill(pid, "SIGTERM");
          await isGone(pid);
          awaited.add(`backend DOWN http://127.0.0.1:${port}`);
        }
      } else if (command.endsWith(" &")) {
        const offer = offers.find(({ restart }) => command === `${restart} &`);
        assert.ok(
          offer !== undefined,
          `the demo did not offer "${command}":\n${demo.lines().join("\n")}`,
        );
        const restarted = start(["bash", "-c", `exec ${offer.restart}`]);
        background.push(restarted);
        assert.equal(
          steady(await restarted.waitForLine(() => true, "its first line")),
          steady(output),
          command,
        );
        awaited.add(`backend UP http://127.0.0.1:${offer.port}`);
      } else {
        const rest = command.replace(/^sleep [\d.]+; /, "");
        if (rest !== command) await settle();
        const seen = await run(["bash", "-c", rest]);
        assert.equal(
          steady(seen.output),
          steady(output),
          `${command}\n${seen.errors}`,
        );
      }
    }
  }).finally(() => Promise.all(background.map((running) => running.end())));
}
