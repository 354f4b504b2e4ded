import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Backends } from "./backends/backends.ts";
import { wrongAnswer } from "./load/check.ts";
import type { Loaded, Place } from "./load/load.ts";
import { send } from "./load/send.ts";
import { onCore } from "./machine.ts";
import { cpuUsBetween, nameOf, peakMemoryMiB, treeOf, usageOf } from "./measure.ts";
import type { Certificate, Peer, Plan } from "./peers/peer.ts";
import { freePort, listening } from "./ports.ts";
import { lastWords, type Started, startProcess } from "./processes.ts";
import type { Case } from "./scenarios/scenario.ts";

/** What one proxy did under load once. */
export interface Sample extends Loaded {
  /** Per request, of the proxy and everything that it started. */
  readonly cpuUs: number;
  /** Per request, of what only runs the proxy. */
  readonly apartUs: number;
}

/** A proxy that runs, in one case of a scenario. */
export interface Subject {
  readonly peer: Peer;
  readonly case: Case;
  warmUp(seconds: number): Promise<void>;
  measure(seconds: number): Promise<Sample>;
  /** Of the proxy, and of what only runs it. */
  peakMemory(): { readonly measuredMiB: number; readonly apartMiB: number };
  end(): Promise<void>;
}

export interface Setting {
  readonly backends: Backends;
  readonly certificate: Certificate | undefined;
  readonly folder: string;
}

/** Starts a peer for a case and looks whether it answers as it should.
 * @throws why it is not measured */
export async function startSubject(
  peer: Peer,
  of: Case,
  setting: Setting,
): Promise<Subject> {
  const plan = await planOf(peer, of, setting);
  const lacking = peer.lacks(plan);
  if (lacking !== undefined) throw new Error(lacking);
  const start = peer.start(plan);
  if (start === undefined) return nothing(peer, of, plan);
  const { command, env, process: name } = start;
  const started = startProcess(onCore("proxy", command), { env });
  const place: Place = { port: plan.port, tls: plan.tls !== undefined };
  try {
    const patience = performance.now() + 20_000;
    const isThere = await listening(
      plan.port,
      () => started.isRunning() && performance.now() < patience,
    );
    if (!isThere) {
      throw new Error(
        `it did not start: ${lastWords(started.said()).replaceAll(`${plan.folder}/`, "")}`,
      );
    }
    const wrong = of.load.kind === "http" ? await wrongAnswer(of.load, place) : undefined;
    if (wrong !== undefined) throw new Error(wrong);
    return subject(peer, of, place, started, name);
  } catch (error) {
    await started.end();
    throw error;
  }
}

async function planOf(
  peer: Peer,
  of: Case,
  { backends, certificate, folder }: Setting,
): Promise<Plan> {
  const port = await freePort();
  const own = join(folder, `${peer.name}-${port}`);
  mkdirSync(own);
  if (of.tls && certificate === undefined) {
    throw new Error("openssl is not installed, which makes the certificate");
  }
  const webSocket = of.load.kind === "websocket";
  return {
    port,
    backends: of.backends !== undefined ? backends.many(of.backends) : webSocket ? backends.echo : backends.http,
    routes: of.routes ?? [],
    tls: of.tls ? certificate : undefined,
    webSocket,
    folder: own,
  };
}

function subject(
  peer: Peer,
  of: Case,
  place: Place,
  started: Started,
  name: string | undefined,
): Subject {
  const processes = () => {
    const tree = treeOf(started.pid);
    if (name === undefined) return { measured: tree, apart: [] };
    const measured = tree.filter((pid) => nameOf(pid) === name).flatMap(treeOf);
    return { measured, apart: tree.filter((pid) => !measured.includes(pid)) };
  };
  const usage = () => {
    const { measured, apart } = processes();
    return { measured: usageOf(measured), apart: usageOf(apart) };
  };
  return {
    peer,
    case: of,
    warmUp: async (seconds) => void (await send(of.warmUp ?? of.load, place, seconds)),
    async measure(seconds) {
      const before = usage();
      const loaded = await send(of.load, place, seconds);
      const after = usage();
      if (!started.isRunning()) {
        throw new Error(`it ended under load: ${lastWords(started.said())}`);
      }
      if (loaded.requests === 0) {
        throw new Error(`it answered nothing within ${seconds} s`);
      }
      return {
        ...loaded,
        cpuUs: cpuUsBetween(before.measured, after.measured) / loaded.requests,
        apartUs: cpuUsBetween(before.apart, after.apart) / loaded.requests,
      };
    },
    peakMemory() {
      const { measured, apart } = processes();
      return {
        measuredMiB: peakMemoryMiB(measured),
        apartMiB: peakMemoryMiB(apart),
      };
    },
    end: () => started.end(),
  };
}

/** No proxy, and so no process. */
function nothing(
  peer: Peer,
  of: Case,
  { backends: [backend = ""] }: Plan,
): Subject {
  const place: Place = { port: Number(new URL(backend).port), tls: false };
  return {
    peer,
    case: of,
    warmUp: async () => {},
    measure: async (seconds) => ({
      ...await send(of.load, place, seconds),
      cpuUs: Number.NaN,
      apartUs: 0,
    }),
    peakMemory: () => ({ measuredMiB: Number.NaN, apartMiB: 0 }),
    end: async () => {},
  };
}
