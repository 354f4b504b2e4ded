import type { Random } from "../core/ports.ts";
import type { VirtualClock } from "./clock.ts";
import { createSampler, drawExponential } from "./distribution.ts";
import type { Scenario } from "./schema.ts";

type Rate = NonNullable<Scenario["clients"]["rate"]>;

/**
 * Lets clients come until `until`.
 *
 * @param ask sends a request; it calls back when it has its answer
 */
export function startArrivals(
  { rate, users, think, burst }: Scenario["clients"],
  until: number,
  clock: VirtualClock,
  random: Random,
  ask: (answered: () => void) => void,
): void {
  const nothing = () => {};
  if (burst !== undefined) {
    clock.at(0, () => {
      for (let asked = 0; asked < burst; asked++) ask(nothing);
    });
  }
  if (users !== undefined) {
    const pause = createSampler(think, random);
    const again = () => {
      const at = clock.now() + pause();
      if (at < until) clock.at(at, () => ask(again));
    };
    for (let user = 0; user < users; user++) again();
  }
  if (rate !== undefined) startPoisson(rate, until, clock, random, () => ask(nothing));
}

/** Times are drawn at the highest rate, and as many are left out as the rate of the moment asks for. */
function startPoisson(rate: Rate, until: number, clock: VirtualClock, random: Random, ask: () => void): void {
  const highest = typeof rate === "number" ? rate : Math.max(...rate.map((step) => step.rate));
  if (highest === 0) return;
  const next = () => {
    const at = clock.now() + drawExponential(1000 / highest, random);
    if (at >= until) return;
    clock.at(at, () => {
      if (typeof rate === "number" || random() * highest < rateAt(rate, clock.now())) ask();
      next();
    });
  };
  next();
}

/** Requests a second at a moment, on the straight line between the two steps around it. */
export function rateAt(steps: Exclude<Rate, number>, now: number): number {
  const after = steps.findIndex(({ at }) => at > now);
  if (after === -1) return steps.at(-1)!.rate;
  const [from, to] = [steps[after - 1], steps[after]!];
  if (from === undefined) return to.rate;
  return from.rate + ((to.rate - from.rate) * (now - from.at)) / (to.at - from.at);
}
