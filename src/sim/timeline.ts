import type { failures, Scenario } from "./schema.ts";

/** Something that a backend goes through: it fails, for a part of the requests, or is slow. */
export interface Phase {
  readonly from: number;
  readonly to: number;
  readonly failing?: { readonly as: (typeof failures)[number]; readonly percent: number };
  readonly factor?: number;
}

/** What a backend goes through, asked in the order of time. */
export interface Timeline {
  /** The phases of a moment. */
  at(now: number): readonly Phase[];
  /** When it breaks off next what it is doing, after a moment. */
  nextBreak(now: number): number;
  /** When it last came back; infinitely long ago: it never was away. */
  lastReturn(now: number): number;
}

/** Phases of one backend, in any order. */
export function createTimeline(unordered: readonly Phase[]): Timeline {
  const phases = [...unordered].sort((one, other) => one.from - other.from);
  const breaks = phases.filter(isAway);
  let active: Phase[] = [];
  let begun = 0;
  let changesAt = Number.NEGATIVE_INFINITY;
  let broken = 0;

  return {
    at(now) {
      if (now < changesAt) return active;
      while (begun < phases.length && phases[begun]!.from <= now) active.push(phases[begun++]!);
      active = active.filter(({ to }) => to > now);
      changesAt = Math.min(phases[begun]?.from ?? Number.POSITIVE_INFINITY, ...active.map(({ to }) => to));
      return active;
    },
    nextBreak(now) {
      while (broken < breaks.length && breaks[broken]!.from <= now) broken++;
      return breaks[broken]?.from ?? Number.POSITIVE_INFINITY;
    },
    lastReturn(now) {
      while (broken < breaks.length && breaks[broken]!.from <= now) broken++;
      const last = breaks[broken - 1];
      return last === undefined || last.to > now ? Number.NEGATIVE_INFINITY : last.to;
    },
  };
}

/** Its process is gone, and with it what it was doing. */
const isAway = ({ failing }: Phase) =>
  (failing?.as === "refuse" || failing?.as === "unreachable") && failing.percent === 100;

/** What a scenario has in store for each backend, by id. */
export function phasesOf(scenario: Scenario, ids: readonly string[]): ReadonlyMap<string, readonly Phase[]> {
  const phases = new Map<string, Phase[]>(ids.map((id) => [id, []]));
  const add = (backends: readonly string[], phase: Phase) => {
    for (const id of backends) phases.get(id)!.push(phase);
  };
  for (const { backends, as, percent, ...times } of scenario.outages) {
    for (const time of repeated(times, scenario.duration)) add(backends, { ...time, failing: { as, percent } });
  }
  for (const { backends, factor, ...times } of scenario.slowDowns) {
    for (const time of repeated(times, scenario.duration)) add(backends, { ...time, factor });
  }
  for (const { id, goesAt, returnsAt } of turnsOf(scenario, ids)) {
    add([id], { from: goesAt, to: returnsAt, failing: { as: "refuse", percent: 100 } });
  }
  return phases;
}

/** When each backend is replaced by a deploy. */
export function* turnsOf({ deploys }: Scenario, ids: readonly string[]) {
  for (const { from, drain, away, pause } of deploys) {
    let drainsAt = from;
    for (const id of ids) {
      const goesAt = drainsAt + drain;
      yield { id, drainsAt, goesAt, returnsAt: goesAt + away };
      drainsAt = goesAt + away + pause;
    }
  }
}

interface Times {
  readonly from: number;
  readonly to?: number | undefined;
  readonly every?: number | undefined;
}

/** When something is: once, or again and again. */
export function* repeated(
  { from, to = Number.POSITIVE_INFINITY, every }: Times,
  endsAt: number,
): Generator<Pick<Phase, "from" | "to">> {
  if (every === undefined) return yield { from, to };
  for (let shift = 0; from + shift < endsAt; shift += every) yield { from: from + shift, to: to + shift };
}
