/** What is sent to a proxy, and what came of it. */

export interface HttpLoad {
  readonly kind: "http";
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly connections: number;
  readonly bodyBytes?: number;
  /** Fields beside Host and, with a body, Content-Length. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer's body; the check before the load compares it. */
  readonly answerBytes: number;
  /** Absent: each connection sends its next request when it has the answer. Present: so many a second, whatever comes back. */
  readonly perSecond?: number;
}

export interface WebSocketLoad {
  readonly kind: "websocket";
  readonly path: string;
  readonly connections: number;
  readonly messageBytes: number;
}

export type Load = HttpLoad | WebSocketLoad;

/** Where it is sent. */
export interface Place {
  readonly port: number;
  readonly tls: boolean;
}

export interface Loaded {
  /** Answered, or messages that came back; of long answers also the started ones, by what came of them. */
  readonly requests: number;
  readonly seconds: number;
  /** What went wrong and how often: "read": 12. */
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Us: number;
  readonly p99Us: number;
  /** How late the load itself was, at the 99th percentile, where it had to be in time. */
  readonly lateUs?: number;
}

/** Only those that happened. */
export function happened(
  failures: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(failures).filter(([, count]) => count > 0),
  );
}
