import type { Pick as Choice } from "../core/balancer.ts";
import type { PoolConfig } from "../core/config.ts";
import { ProxyError } from "../core/errors.ts";
import type { Backend } from "../core/pool.ts";
import type { Transport } from "../core/ports.ts";
import { forward, type Forwarding } from "./forward.ts";

/** What a try needs to know of its pool. */
export interface AttemptScope {
  readonly config: Pick<PoolConfig, "timeouts">;
  readonly transport: Transport;
  /** A try that failed, whether or not another follows. */
  onFailure(backend: Backend, error: ProxyError): void;
}

/** One request to one backend: why there is no answer, or an answer that may be passed on. */
export type Attempt =
  | { readonly backend: Backend; readonly error: ProxyError; readonly response?: undefined }
  | { readonly backend: Backend; readonly error?: undefined; readonly response: Response; passOn(): Response };

/**
 * Sends a request to the backend that was picked; the pick ends with the answer's last byte.
 *
 * @param leftMs asked for each sending: how much time all tries have left
 * @param onEnd called once after an answer that was passed on has ended
 * @throws {ProxyError} for what is the client's fault or ours
 */
export async function attempt(
  pick: Choice,
  forwarding: Forwarding,
  { config: { timeouts }, transport, onFailure }: AttemptScope,
  leftMs: () => number,
  onEnd: (bytes: number | undefined, error?: unknown) => void,
): Promise<Attempt> {
  const { backend } = pick;
  const deadlines = () => {
    const sendMs = leftMs();
    const connectMs = Math.min(timeouts.connect, sendMs);
    return { connectMs, responseMs: Math.min(timeouts.response, sendMs), sendMs, idleMs: timeouts.idle };
  };
  let status: number | undefined;
  let end: readonly [bytes: number | undefined, error?: unknown] | undefined;
  let passedOn = false;
  try {
    const response = await forward(forwarding, backend, deadlines, transport, (bytes, error) => {
      end = [bytes, error];
      if (status !== undefined) pick.done(failureOf(error));
      if (passedOn) onEnd(bytes, error);
    });
    status = response.status;
    pick.answered(status);
    if (end !== undefined) pick.done(failureOf(end[1]));
    return {
      backend,
      response,
      passOn() {
        passedOn = true;
        if (end !== undefined) onEnd(...end);
        return response;
      },
    };
  } catch (thrown) {
    // The client's own failure shows first as a broken exchange with the backend.
    const error = forwarding.incoming.body?.failure ?? thrown;
    const isBackends = error instanceof ProxyError && error.row.status > 500;
    pick.done(isBackends ? error : new ProxyError("client_aborted"));
    if (!isBackends) throw error;
    onFailure(backend, error);
    return { backend, error };
  }
}

/** What broke an answer off; what no table knows says nothing about the backend. */
function failureOf(error: unknown): ProxyError | undefined {
  if (error === undefined || error instanceof ProxyError) return error;
  return new ProxyError("client_aborted", { cause: error });
}
