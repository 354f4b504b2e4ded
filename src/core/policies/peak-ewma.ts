import { createDraw } from "../draw.ts";
import { createLoads } from "../loads.ts";
import type { PolicyFactory } from "../policy.ts";

/** The share of picks that is made by chance alone: nobody is so slow that it is never seen to have become faster. */
const floorShare = 0.02;

/**
 * What a backend is taken to need as long as nothing is known of it and something waits there, in milliseconds: it gets
 * about one request at a time until it has answered, and not everything.
 */
const unknownMs = 1_000;

/**
 * The better of two different ones that are drawn by chance: whose answer is expected sooner per unit of weight, by what it took
 * lately and by how many wait there.
 *
 * Who gets no requests is tried again: latencies are forgotten with time.
 *
 * @see Finagle's load metric "Peak EWMA"
 */
export const peakEwma: PolicyFactory<unknown> = () => {
  const loads = createLoads();
  const draw = createDraw();
  return (candidates, { random, meter, now }) => {
    const one = draw.any(candidates, random);
    if (random() < floorShare) return candidates[one]!;
    const other = draw.other(candidates, random, one);
    const { weights, meters } = loads(candidates, meter);
    const at = now();
    const cost = (index: number) => {
      const meter = meters[index]!;
      const { inFlight } = meter;
      const latencyMs = meter.latencyMs(at);
      const expectedMs = latencyMs === 0 && inFlight > 0 ? unknownMs : latencyMs;
      return (expectedMs * (inFlight + 1)) / weights[index]!;
    };
    return candidates[cost(other) < cost(one) ? other : one]!;
  };
};
