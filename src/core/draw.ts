import type { Candidates } from "./policy.ts";
import type { Random } from "./ports.ts";

/** Draws candidates' indices by chance, as often as the weights say. */
export interface Draw {
  any(candidates: Candidates, random: Random): number;
  /** One that is not `than`, as often as the weights of the rest say; where there is no other, that one. */
  other(candidates: Candidates, random: Random, than: number): number;
}

/**
 * A draw that adds the weights up once a transition.
 *
 * What chance decides has no branch in it: a processor would guess it wrong every other time, which costs more than all the rest.
 */
export function createDraw(): Draw {
  let of: Candidates | undefined;
  let count = 0;
  /** Where each one's part of the total begins, and where the last one's ends. */
  let borders = new Float64Array();
  let isEven = true;

  function prepare(candidates: Candidates): void {
    of = candidates;
    count = candidates.length;
    borders = new Float64Array(count + 1);
    candidates.forEach(({ weight }, index) => (borders[index + 1] = borders[index]! + weight));
    isEven = candidates.every(({ weight }) => weight === candidates[0].weight);
  }

  function find(at: number): number {
    let from = 0;
    for (let left = count; left > 1;) {
      const half = left >>> 1;
      from += half & -(at >= borders[from + half]!);
      left -= half;
    }
    return from;
  }

  return {
    any(candidates, random) {
      if (of !== candidates) prepare(candidates);
      return isEven ? Math.floor(random() * count) : find(random() * borders[count]!);
    },
    other(candidates, random, than) {
      if (of !== candidates) prepare(candidates);
      if (count === 1) return than;
      if (isEven) {
        const index = Math.floor(random() * (count - 1));
        return index + Number(index >= than);
      }
      const [begin, end] = [borders[than]!, borders[than + 1]!];
      const at = random() * (begin + (borders[count]! - end));
      return find(at + (end - begin) * Number(at >= begin));
    },
  };
}
