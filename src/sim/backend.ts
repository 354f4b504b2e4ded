import { type ErrorCode, ProxyError } from "../core/errors.ts";
import type { Random } from "../core/ports.ts";
import { tick } from "./clock.ts";
import { createSampler } from "./distribution.ts";
import type { Scenario } from "./schema.ts";
import type { Phase, Timeline } from "./timeline.ts";

/** What will become of a try, known when it begins: what is in store for a backend is known too. */
export interface Fate {
  readonly at: number;
  readonly status: number | undefined;
  readonly error: ProxyError | undefined;
}

/** How long is waited for a connection and for an answer, in milliseconds. */
export interface Patience {
  readonly connectMs: number;
  readonly responseMs: number;
}

export interface SimulatedBackend {
  readonly id: string;
  /** A try comes in; asked in the order of time. */
  take(now: number, patience: Patience): Fate;
  /** A check: it needs no worker, but a process, and for http an answer too. */
  probe(now: number, kind: "http" | "tcp", timeoutMs: number): { readonly passed: boolean; readonly at: number };
}

/** To be refused, or told a status without any work. */
const briefMs = 1;

// One of each for all tries: what is asked of them is only which they are, and their stacks would cost more than the rest.
const errors = new Map<ErrorCode, ProxyError>();
function errorOf(code: ErrorCode): ProxyError {
  const known = errors.get(code) ?? new ProxyError(code);
  errors.set(code, known);
  return known;
}

const failed = (at: number, code: ErrorCode): Fate => ({ at: tick(at), status: undefined, error: errorOf(code) });
const answered = (at: number, status: number): Fate => ({ at, status, error: undefined });

type Group = Pick<Scenario["backends"][number], "service" | "workers" | "queue" | "warmUp">;

/**
 * A backend with workers and a queue in front of them.
 *
 * Who gave up waiting is served all the same: backends do not know that nobody reads the answer.
 *
 * @param tells whether a connection that failed can be told from one that broke; else nobody knows that nothing was sent
 */
export function createBackend(
  id: string,
  group: Group,
  timeline: Timeline,
  random: Random,
  tells: boolean,
): SimulatedBackend {
  const { workers, queue, warmUp } = group;
  const draw = createSampler(group.service, random);
  const freeAt = new Float64Array(workers);
  /** When those who wait will begin, in order. */
  let waiting: number[] = [];
  let served = 0;
  let freshSince = Number.NEGATIVE_INFINITY;

  const isHit = ({ failing }: Phase) =>
    failing !== undefined && (failing.percent === 100 || random() * 100 < failing.percent);

  function failure(now: number, phases: readonly Phase[], { connectMs, responseMs }: Patience): Fate | undefined {
    const as = phases.find(isHit)?.failing?.as;
    if (as === undefined) return undefined;
    if (as === "refuse") return failed(now + briefMs, tells ? "connection_refused" : "connection_terminated");
    if (as === "unreachable" && tells) return failed(now + connectMs, "connection_timeout");
    if (as === "hang" || as === "unreachable") return failed(now + responseMs, "http_response_timeout");
    return answered(now + briefMs, Number(as));
  }

  function startFresh(now: number): void {
    const since = timeline.lastReturn(now);
    if (since <= freshSince) return;
    freshSince = since;
    freeAt.fill(since);
    [waiting, served] = [[], 0];
  }

  function slowness(now: number, phases: readonly Phase[]): number {
    let factor = 1;
    for (const phase of phases) factor *= phase.factor ?? 1;
    if (warmUp === undefined) return factor;
    const cold = 1 - (now - freshSince) / warmUp.time;
    return cold > 0 ? factor * (1 + (warmUp.factor - 1) * cold) : factor;
  }

  /** When it would be done; `undefined`: there is no room. */
  function work(now: number, ms: number): number | undefined {
    if (workers === 0) return now + ms;
    let first = 0;
    for (let worker = 1; worker < workers; worker++) if (freeAt[worker]! < freeAt[first]!) first = worker;
    const begins = Math.max(now, freeAt[first]!);
    if (begins > now) {
      while (served < waiting.length && waiting[served]! <= now) served++;
      if (served > 1000) [waiting, served] = [waiting.slice(served), 0];
      if (waiting.length - served >= queue) return undefined;
      waiting.push(begins);
    }
    freeAt[first] = begins + ms;
    return begins + ms;
  }

  return {
    id,
    take(now, patience) {
      startFresh(now);
      const phases = timeline.at(now);
      const fails = phases.length > 0 ? failure(now, phases, patience) : undefined;
      if (fails !== undefined) return fails;
      const done = work(now, tick(draw() * slowness(now, phases)));
      if (done === undefined) return answered(now + briefMs, 503);
      const breaks = timeline.nextBreak(now);
      const late = now + patience.responseMs;
      if (breaks < done && breaks < late) return failed(breaks, "connection_terminated");
      return done > late ? failed(late, "http_response_timeout") : answered(done, 200);
    },
    probe(now, kind, timeoutMs) {
      const as = timeline.at(now).find(isHit)?.failing?.as;
      if (as === "unreachable" || (as === "hang" && kind === "http")) return { passed: false, at: now + timeoutMs };
      const passed = as === undefined || (kind === "tcp" && as !== "refuse");
      return { passed, at: now + briefMs };
    },
  };
}
