import type { Random } from "../core/ports.ts";
import { hashOf } from "../core/rendezvous.ts";

/**
 * Numbers that look like chance and are the same for the same seed, on every runtime.
 *
 * @param stream what they are for: who draws more often here does not change what is drawn there
 * @see Doty-Humphrey's sfc32, of PractRand
 */
export function createRandom(seed: number, stream: string): Random {
  let [a, b, c, counter] = [hashOf(`${seed}`), hashOf(stream), hashOf(`${stream} ${seed}`), 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warmUp = 0; warmUp < 15; warmUp++) next();
  return next;
}
