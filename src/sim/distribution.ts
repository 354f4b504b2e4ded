import * as v from "valibot";
import type { Random } from "../core/ports.ts";
import { duration, number } from "../core/units.ts";
import { option, section } from "../core/validate.ts";

const expected = 'a duration, or an object such as { "exponential": "20ms" }';
const one = 'one of "exponential", "uniform", "lognormal" and "pareto"';

/** How long something takes: always the same, or by chance. */
export const Distribution = v.pipe(
  v.union([
    duration(0),
    v.pipe(
      section({
        exponential: option(
          duration(1),
          undefined,
          "The mean: most are short, one in a hundred takes 4.6 times as long.",
        ),
        uniform: option(
          section({ min: duration(0), max: duration(1) }),
          undefined,
          "Anything between the two is as likely.",
        ),
        lognormal: option(
          section({ median: duration(1), sigma: number(0, 5) }),
          undefined,
          "The median, and how far the tail reaches: with a sigma of 1 one in a hundred takes 10 times as long.",
        ),
        pareto: option(
          section({ min: duration(1), shape: number(0.1, 10) }),
          undefined,
          "The least, and how thin the tail is: with a shape of 1.5 one in a hundred takes 21 times as long.",
        ),
      }, expected),
      v.check((shapes) => Object.values(shapes).filter((shape) => shape !== undefined).length === 1, one),
    ),
  ], expected),
);

export type Distribution = v.InferOutput<typeof Distribution>;

/** Draws from a distribution, in milliseconds. */
export function createSampler(distribution: Distribution, random: Random): () => number {
  if (typeof distribution === "number") return () => distribution;
  const { exponential, uniform, lognormal, pareto } = distribution;
  if (uniform !== undefined) return () => uniform.min + (uniform.max - uniform.min) * random();
  if (lognormal !== undefined) return () => lognormal.median * Math.exp(lognormal.sigma * normal(random));
  if (pareto !== undefined) return () => pareto.min * (1 - random()) ** (-1 / pareto.shape);
  return () => drawExponential(exponential ?? 0, random);
}

/** The time to the next of what comes at any moment with the same chance. */
export const drawExponential = (meanMs: number, random: Random): number => -meanMs * Math.log(1 - random());

/** @see Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958) */
const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
