/** Runs `work` when there is room. */
export type Gate = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Lets `limit` pieces of work run at the same time; the others wait in the order they came. */
export function createGate(limit: number): Gate {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((enter) => waiting.push(enter));
    try {
      return await work();
    } finally {
      const enter = waiting.shift();
      if (enter) enter();
      else free++;
    }
  };
}
