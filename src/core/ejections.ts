import type { Random } from "./ports.ts";
import { createSuccessRates, type SuccessRateRule } from "./success-rate.ts";

/** When a backend is ejected, and for how long: durations in milliseconds; a count of 0 turns a reason off. */
export interface EjectionRule {
  /** Connect failures, timeouts, resets, 502, 503 and 504. */
  readonly consecutiveErrors: number;
  /** Any 5xx, and what counts as an error. */
  readonly consecutive5xx: number;
  readonly successRate: SuccessRateRule | false;
  readonly baseEjectionTime: number;
  readonly maxEjectionTime: number;
  readonly maxEjectionPercent: number;
}

/** What a request tells about its backend: it went well, it failed, or it was answered with another 5xx. */
export type Verdict = "passed" | "error" | "5xx";

export type EjectionEvent =
  | { readonly kind: "ejected"; readonly id: string; readonly reason: string; readonly forMs: number }
  | { readonly kind: "returned"; readonly id: string };

/** Who is out because of what proxied requests met, in this process. */
export interface Ejections {
  /** Not to be picked: ejected, or on probation with its one request under way. */
  isOut(id: string): boolean;
  /** Neither ejected nor on probation. */
  isIn(id: string): boolean;
  /** Another number after each change of what `isOut` and `isIn` say. */
  version(now: number): number;
  /** A request goes out; `undefined`: what becomes of it says nothing, because the backend is out. */
  begin(id: string, now: number): Stay | undefined;
  /** The head of a good answer has come, which is not the end of it. */
  answered(stay: Stay): void;
  /** @param mayEject whether one more may be out */
  judge(stay: Stay, verdict: Verdict, reason: string, now: number, mayEject: (id: string) => boolean): void;
  /** A request ended without saying anything: was it that of a probation, a good head will do, or the next one is asked. */
  giveBack(stay: Stay, now: number): void;
  /** An active check that passed and began at `begunAt`: it is back at once, without a probation. */
  pass(id: string, begunAt: number, now: number): void;
  /** What was seen under an id says nothing about another backend that has it now. */
  forget(id: string): void;
}

/**
 * A backend between two ejections, or between an ejection and its return.
 *
 * Requests belong to the stay in which they began: what they say later, of a backend that went out meanwhile, is not news.
 */
export interface Stay {
  readonly id: string;
  state: "in" | "ejected" | "probation" | "on trial";
  errors: number;
  fives: number;
  hasAnswered: boolean;
  /** When the state began. */
  since: number;
  /** When an ejection ends, or the wait for what becomes of a trial. */
  until: number;
  /** Ejections in a row: each sooner after the return than the one before had lasted. */
  inARow: number;
  ejectedAt: number;
  lastedMs: number;
}

/** Ejections differ by this part, so that backends ejected together do not return together. */
const jitter = 0.1;

/** How long to wait for what a probation tells: for the end of an answer that streams, for any answer, for any request. */
const patienceMs = 30_000;

/**
 * Passive health: judges what proxied requests meet, and takes a backend out for a while.
 *
 * It returns on probation: one request is sent to it, and what becomes of that decides.
 *
 * @see Envoy's outlier detection; Linkerd's failure accrual for the probation
 */
export function createEjections(
  rule: EjectionRule,
  random: Random,
  tell: (event: EjectionEvent) => void,
): Ejections {
  const stays = new Map<string, Stay>();
  const rates = rule.successRate === false ? undefined : createSuccessRates(rule.successRate);
  let version = 0;
  let nextChange = Number.POSITIVE_INFINITY;
  let latest = Number.NEGATIVE_INFINITY;

  const isCurrent = (stay: Stay) => stays.get(stay.id) === stay;

  function move(stay: Stay, state: Stay["state"], now: number, until: number): void {
    stays.set(stay.id, stay);
    stay.state = state;
    stay.since = now;
    stay.until = until;
    nextChange = Math.min(nextChange, until);
    version++;
  }

  function eject(before: Stay, reason: string, now: number): void {
    const { id } = before;
    const isInARow = before.state !== "in" || (before.inARow > 0 && now - before.since < before.lastedMs);
    const inARow = isInARow ? before.inARow + 1 : 1;
    const lastedMs = lasting(inARow);
    rates?.forget(id);
    const until = now + lastedMs;
    move({ ...newStay(id, now), inARow, ejectedAt: now, lastedMs }, "ejected", now, until);
    tell({ kind: "ejected", id, reason, forMs: lastedMs });
  }

  function lasting(inARow: number): number {
    const { baseEjectionTime, maxEjectionTime } = rule;
    const least = Math.min(baseEjectionTime * inARow, maxEjectionTime * (1 - jitter));
    return Math.round(least + random() * Math.min(baseEjectionTime * inARow * jitter, maxEjectionTime - least));
  }

  function bringBack(stay: Stay, now: number): void {
    stay.errors = stay.fives = 0;
    move(stay, "in", now, Number.POSITIVE_INFINITY);
    tell({ kind: "returned", id: stay.id });
  }

  const endTrial = (stay: Stay, now: number) =>
    stay.hasAnswered ? bringBack(stay, now) : move(stay, "probation", now, Number.POSITIVE_INFINITY);

  function release(now: number): void {
    nextChange = Number.POSITIVE_INFINITY;
    for (const stay of stays.values()) {
      if (now < stay.since) {
        // The clock was put back: an ejection would last longer by as much.
        const by = stay.since - now;
        stay.since -= by;
        stay.until -= by;
        stay.ejectedAt -= by;
      }
      if (now < stay.until) nextChange = Math.min(nextChange, stay.until);
      else if (stay.state === "on trial") endTrial(stay, now);
      else move(stay, "probation", now, Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Brings back whose probation nobody has asked for: backups, and all but the first by that policy.
   *
   * While they count as out, who serves in their place could not be ejected, and so they would never be asked.
   */
  function returnIdle(now: number): boolean {
    const idle = [...stays.values()].filter(({ state, since }) => state === "probation" && now - since >= patienceMs);
    for (const stay of idle) bringBack(stay, now);
    return idle.length > 0;
  }

  const hasRoom = (id: string, now: number, mayEject: (id: string) => boolean) =>
    mayEject(id) || (returnIdle(now) && mayEject(id));

  function isReached(stay: Stay, verdict: Verdict): boolean {
    stay.errors = verdict === "error" ? stay.errors + 1 : 0;
    stay.fives = verdict === "passed" ? 0 : stay.fives + 1;
    return hasCome(stay.errors, rule.consecutiveErrors) || hasCome(stay.fives, rule.consecutive5xx);
  }

  const isFailure = (verdict: Verdict) =>
    verdict === "error" || (verdict === "5xx" && (rule.consecutive5xx > 0 || rates !== undefined));

  return {
    isOut(id) {
      const state = stays.get(id)?.state;
      return state === "ejected" || state === "on trial";
    },
    isIn: (id) => (stays.get(id)?.state ?? "in") === "in",
    version(now) {
      if (now >= nextChange || now < latest) release(now);
      latest = now;
      return version;
    },
    begin(id, now) {
      const stay = stays.get(id);
      if (stay?.state === "in") return stay;
      if (stay === undefined) {
        const first = newStay(id, now);
        stays.set(id, first);
        return first;
      }
      if (stay.state !== "probation") return undefined;
      const trial = { ...stay, hasAnswered: false };
      move(trial, "on trial", now, now + patienceMs);
      return trial;
    },
    answered(stay) {
      stay.hasAnswered = true;
    },
    judge(stay, verdict, reason, now, mayEject) {
      if (!isCurrent(stay)) return;
      if (stay.state !== "in") return isFailure(verdict) ? eject(stay, reason, now) : bringBack(stay, now);
      if (isReached(stay, verdict) && hasRoom(stay.id, now, mayEject)) return eject(stay, reason, now);
      for (const id of rates?.add(stay.id, verdict === "passed", now) ?? []) {
        const outlier = stays.get(id);
        if (outlier?.state === "in" && hasRoom(id, now, mayEject)) eject(outlier, "success rate", now);
      }
    },
    giveBack(stay, now) {
      if (isCurrent(stay) && stay.state === "on trial") endTrial(stay, now);
    },
    pass(id, begunAt, now) {
      const stay = stays.get(id);
      if (stay !== undefined && stay.state !== "in" && begunAt > stay.ejectedAt) bringBack(stay, now);
    },
    forget(id) {
      rates?.forget(id);
      if (stays.delete(id)) version++;
    },
  };
}

const newStay = (id: string, now: number): Stay => ({
  id,
  state: "in",
  errors: 0,
  fives: 0,
  hasAnswered: false,
  since: now,
  until: Number.POSITIVE_INFINITY,
  inARow: 0,
  ejectedAt: now,
  lastedMs: 0,
});

const hasCome = (count: number, threshold: number) => threshold > 0 && count >= threshold;
