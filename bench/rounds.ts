import type { Peer } from "./peers/peer.ts";
import { isEnding, lastWords } from "./processes.ts";
import type { Case, Scenario } from "./scenarios/scenario.ts";
import { type Sample, type Setting, startSubject, type Subject } from "./subject.ts";

/** What came of a peer in a case: samples by round, or why there are none. */
export interface Result {
  readonly scenario: string;
  readonly label: string;
  readonly peer: string;
  readonly samples: readonly Sample[];
  readonly peakMiB: number;
  /** Of what only runs the proxy. */
  readonly apartMiB: number;
  readonly skipped: string | undefined;
}

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export type Tell = (line: string) => void;

/** Runs a scenario: all peers side by side, in rounds, so that whatever disturbs the machine disturbs them all. */
export async function runScenario(
  scenario: Scenario,
  peers: readonly Peer[],
  setting: Setting,
  effort: Effort,
  tell: Tell,
): Promise<readonly Result[]> {
  const pairs = scenario.cases.flatMap((of) => peers.map((peer) => ({ peer, of })));
  const runs: Run[] = [];
  try {
    for (const { peer, of } of pairs) {
      runs.push(await start(peer, of, setting, effort));
    }
    for (let round = 1; round <= effort.rounds; round++) {
      for (const run of runs) await measure(run, effort);
      tell(
        `${scenario.id} round ${round} of ${effort.rounds}, CPU µs: ${runs.map(shortly).join(", ")}`,
      );
    }
    return runs.map((run) => resultOf(scenario, run));
  } finally {
    await Promise.all(runs.map(({ subject }) => subject?.end()));
  }
}

interface Run {
  readonly peer: Peer;
  readonly of: Case;
  readonly subject: Subject | undefined;
  readonly samples: Sample[];
  skipped: string | undefined;
}

async function start(
  peer: Peer,
  of: Case,
  setting: Setting,
  { warmUpSeconds }: Effort,
): Promise<Run> {
  const samples: Sample[] = [];
  let subject: Subject | undefined;
  try {
    subject = await startSubject(peer, of, setting);
    if (warmUpSeconds > 0) await subject.warmUp(warmUpSeconds);
    return { peer, of, subject, samples, skipped: undefined };
  } catch (error) {
    return { peer, of, subject, samples, skipped: reasonOf(error) };
  }
}

async function measure(run: Run, { seconds }: Effort): Promise<void> {
  if (run.subject === undefined || run.skipped !== undefined) return;
  try {
    run.samples.push(await run.subject.measure(seconds));
  } catch (error) {
    run.skipped = reasonOf(error);
  }
}

function resultOf(
  { id }: Scenario,
  { peer, of, subject, samples, skipped }: Run,
): Result {
  const { measuredMiB = 0, apartMiB = 0 } = subject?.peakMemory() ?? {};
  return {
    scenario: id,
    label: of.label,
    peer: peer.name,
    samples,
    peakMiB: measuredMiB,
    apartMiB,
    skipped,
  };
}

function reasonOf(error: unknown): string {
  if (isEnding()) throw new Error("ended by a signal", { cause: error });
  return lastWords(error instanceof Error ? error.message : String(error));
}

function shortly({ peer, of, samples, skipped }: Run): string {
  const last = samples.at(-1);
  const name = of.label === "" ? peer.name : `${peer.name} ${of.label}`;
  if (skipped !== undefined || last === undefined) return `${name} -`;
  return Number.isNaN(last.cpuUs) ? `${name} p50 ${last.p50Us.toFixed(0)}` : `${name} ${last.cpuUs.toFixed(1)}`;
}
