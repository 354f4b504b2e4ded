/** A WebSocket that passes through the balancer. */
export interface Session {
  /** Tells both sides with a close frame of 1001 that the balancer goes away, and lets nothing more pass. */
  goAway(): void;
  /** Ends both connections as they are. */
  cut(): void;
}

/** The WebSockets of one process. */
export interface Sessions {
  /** Remembers a session; gives back how to forget it when it has ended. */
  add(session: Session): () => void;
  count(): number;
  /** Resolves when none is open. */
  idle(): Promise<void>;
  /** Closes all of them; resolves when they have ended, cut off after `ms` at the latest. */
  goAway(ms: number): Promise<void>;
}

/** How long connections that were cut may take to be gone. */
const lastMs = 100;

export function createSessions(): Sessions {
  const open = new Set<Session>();
  let waiting: (() => void)[] = [];

  const idle = () => open.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => void waiting.push(resolve));

  return {
    idle,
    add(session) {
      open.add(session);
      return () => {
        open.delete(session);
        if (open.size > 0) return;
        for (const wake of waiting) wake();
        waiting = [];
      };
    },
    count: () => open.size,
    async goAway(ms) {
      for (const session of open) session.goAway();
      await Promise.race([idle(), after(ms)]);
      for (const session of open) session.cut();
      await Promise.race([idle(), after(lastMs)]);
    },
  };
}

const after = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));
