/** How many requests of a pool may be in flight, and how many more may wait for a place. */
export interface SlotsRule {
  readonly maxRequests: number;
  readonly maxPending: number;
}

/** Places for a pool's requests. */
export interface Slots {
  /**
   * Takes a place: at once, or when one is left by another request.
   *
   * @returns "full": nobody may wait either
   */
  take(): "taken" | "full" | Waiting;
  /** Of a place that was taken: it goes to who has waited longest. */
  leave(): void;
}

export interface Waiting {
  /** Whether it has come to a place, which is then to be left; said for good when it is said. */
  readonly taken: Promise<boolean>;
  /** The place is not wanted any more; does nothing once `taken` has said that it is taken. */
  giveUp(): void;
}

/** Places in the order of asking. Never an unbounded queue: who does not fit is told at once. */
export function createSlots({ maxRequests, maxPending }: SlotsRule): Slots {
  const queue = new Set<() => void>();
  let taken = 0;

  function leave(): void {
    const [next] = queue;
    if (next === undefined) return void (taken = Math.max(0, taken - 1));
    queue.delete(next);
    next(); // the place itself is handed over
  }

  function wait(): Waiting {
    let state: "waiting" | "handed over" | "given up" | "told" = "waiting";
    let wake = () => {};
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const handOver = () => {
      state = "handed over";
      wake();
    };
    queue.add(handOver);
    return {
      taken: woken.then(() => {
        const isTaken = state === "handed over";
        state = "told";
        return isTaken;
      }),
      giveUp() {
        const before = state;
        state = "given up";
        queue.delete(handOver);
        wake();
        // Who leaves between the hand-over and the moment at which it learns of it has a place that nobody else would leave.
        if (before === "handed over") leave();
      },
    };
  }

  return {
    take() {
      if (taken < maxRequests) {
        taken++;
        return "taken";
      }
      return queue.size < maxPending ? wait() : "full";
    },
    leave,
  };
}
