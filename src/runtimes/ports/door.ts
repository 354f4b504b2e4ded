/** A server that listens. */
export interface Door {
  readonly port: number;
  /** Takes no new connections and resolves when those that stand have ended what is in flight. */
  close(): Promise<void>;
  /** Ends every connection at once. */
  cut(): void;
}
