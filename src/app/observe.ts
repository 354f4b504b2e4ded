import type { ProxyError } from "../core/errors.ts";
import type { Backend } from "../core/pool.ts";
import type { Clock, Log } from "../core/ports.ts";

/** What is noted of one request on its way. */
export interface Observation {
  asked(host: string, path: string): void;
  /** A try begins. */
  picked(backend: Backend): void;
  backendFailed(backend: Backend, error: ProxyError): void;
  /** A backend's head is passed on, of those that were tried not always the last; the request is over when `ended` has come too, before or after. */
  answered(status: number, by: Backend): void;
  ended(bytes: number | undefined, error?: unknown): void;
  /** The balancer answers itself. */
  failed(error: ProxyError): void;
}

/** Watches requests: counts those in flight, and writes one line each when `access`. */
export interface Observer {
  begin(request: Request, requestId: string): Observation;
  inFlight(): number;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
}

/** An observer for one balancer; a request's line is written when the last byte of its answer has gone. */
export function createObserver(access: boolean, { clock, log }: { clock: Clock; log: Log }): Observer {
  let inFlight = 0;
  let waiting: (() => void)[] = [];

  function leave(): void {
    inFlight--;
    if (inFlight > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  }

  function begin(request: Request, requestId: string): Observation {
    inFlight++;
    const startedAt = access ? clock.now() : 0;
    let host: string | undefined;
    let path: string | undefined;
    let head: { status: number; headMs: number } | undefined;
    let end: { bytes: number | undefined; error: string | undefined } | undefined;
    let backend: string | undefined;
    let tries = 0;

    function finish(): void {
      if (head === undefined || end === undefined) return;
      leave();
      if (!access) return;
      const { status, headMs } = head;
      const line = { requestId, method: request.method, host, path, status, backend, tries, bytes: end.bytes, headMs };
      const totalMs = clock.now() - startedAt;
      // LogTape takes what stands in braces for the name of a property.
      const place = path?.replace(/[{}]/g, "$&$&") ?? "-";
      log.info(`${request.method} ${place} ${status}`, withoutUndefined({ ...line, totalMs, error: end.error }));
    }

    return {
      asked(askedHost, askedPath) {
        host = askedHost;
        path = askedPath;
      },
      picked({ id }) {
        backend = id;
        tries++;
      },
      backendFailed(backend, error) {
        const cause = error.cause instanceof Error ? error.cause.message : undefined;
        log.warn(
          `backend error ${backend.url} (${error.code})`,
          withoutUndefined({ requestId, backend: backend.id, path, error: error.code, cause }),
        );
      },
      answered(status, { id }) {
        backend = id;
        head = { status, headMs: access ? clock.now() - startedAt : 0 };
        finish();
      },
      ended(bytes, error) {
        end = { bytes, error: error === undefined ? undefined : codeOf(error) };
        finish();
      },
      failed(error) {
        if (error.row.status === 500) {
          log.error(error.message, { requestId, cause: String(error.cause ?? error.detail) });
        }
        head = { status: error.row.status, headMs: access ? clock.now() - startedAt : 0 };
        end = { bytes: undefined, error: error.code };
        finish();
      },
    };
  }

  return {
    begin,
    inFlight: () => inFlight,
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "proxy_internal_error";
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
