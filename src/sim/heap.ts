/** What is to come, the earliest first. */
export interface Heap<Item> {
  push(at: number, item: Item): void;
  /** Takes the earliest out; of those at the same time, the one that came in first. */
  pop(): Item | undefined;
  /** When the earliest is due; infinity when there is none. */
  next(): number;
}

/** A binary heap over three arrays: an object for each entry would be what a long run spends its time on. */
export function createHeap<Item>(): Heap<Item> {
  const times: number[] = [];
  const orders: number[] = [];
  const items: Item[] = [];
  let pushed = 0;

  const isBefore = (at: number, order: number, index: number) =>
    at < times[index]! || (at === times[index]! && order < orders[index]!);

  function put(index: number, at: number, order: number, item: Item): void {
    times[index] = at;
    orders[index] = order;
    items[index] = item;
  }

  function rise(from: number, at: number, order: number, item: Item): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(at, order, parent)) break;
      put(index, times[parent]!, orders[parent]!, items[parent]!);
      index = parent;
    }
    put(index, at, order, item);
  }

  function sink(at: number, order: number, item: Item): void {
    const half = times.length >> 1;
    let index = 0;
    while (index < half) {
      let child = 2 * index + 1;
      const other = child + 1;
      if (other < times.length && isBefore(times[other]!, orders[other]!, child)) child = other;
      if (isBefore(at, order, child)) break;
      put(index, times[child]!, orders[child]!, items[child]!);
      index = child;
    }
    put(index, at, order, item);
  }

  return {
    push(at, item) {
      rise(times.length, at, pushed++, item);
    },
    pop() {
      const first = items[0];
      const [at, order, item] = [times.pop(), orders.pop(), items.pop()];
      if (at !== undefined && times.length > 0) sink(at, order!, item!);
      return first;
    },
    next: () => times[0] ?? Number.POSITIVE_INFINITY,
  };
}
