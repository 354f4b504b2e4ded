import { addressOf } from "../core/address.ts";
import type { HealthCheck } from "../core/config.ts";
import { type ErrorCode, ProxyError } from "../core/errors.ts";
import type { Backend } from "../core/pool.ts";
import type { Incoming, Outgoing, Peer, Ports, Transport } from "../core/ports.ts";
import { version } from "../core/version.ts";
import { within } from "./within.ts";

/** How a pool is checked, and how its backends are spoken to. */
export type Check = HealthCheck & { readonly peer: Peer };

/** What one check of one backend found. `reason` is for people: "connection refused", "status 503". */
export type ProbeResult =
  | { readonly passed: true; readonly elapsedMs: number }
  | { readonly passed: false; readonly reason: string; readonly elapsedMs: number };

/** `undefined`: nothing to complain of. */
type Complaint = string | undefined;

const maxBodyBytes = 65_536;

const reasons: Partial<Record<ErrorCode, string>> = {
  connection_refused: "connection refused",
  connection_terminated: "connection reset",
  connection_timeout: "timeout",
  destination_ip_unroutable: "host unreachable",
  dns_error: "name not found",
  http_protocol_error: "malformed answer",
  http_response_incomplete: "answer ended early",
  http_response_timeout: "timeout",
  tls_error: "no secure connection",
};

/**
 * One check of one backend, from connecting to the body's end within `check.timeout`; afterwards nothing of it runs on.
 *
 * `check.path` is absolute on the backend's host: a base path in the backend's URL is not put in front, because what a
 * process says of itself seldom lies below the application it serves. Redirects are answers like any other.
 *
 * Never rejects: what could not be foreseen is a failed probe too.
 *
 * @param signal cuts the probe short; what it then gives says nothing about the backend
 */
export async function probe(
  backend: Backend,
  check: Check,
  ports: Pick<Ports, "transport" | "connect" | "clock">,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  const began = ports.clock.now();
  const attempt = async (cut: AbortSignal): Promise<{ complaint: Complaint }> => {
    try {
      const probed = atPort(backend, check.port);
      if (check.type === "http") return { complaint: await ask(probed, check, ports.transport, cut) };
      await ports.connect(addressOf(probed), cut);
      return { complaint: undefined };
    } catch (error) {
      return { complaint: (error instanceof ProxyError && reasons[error.code]) || "probe failed" };
    }
  };
  const outcome = await within(check.timeout, attempt, ports.clock, signal);
  const reason = outcome === undefined ? (signal?.aborted ? "cancelled" : "timeout") : outcome.complaint;
  const elapsedMs = ports.clock.now() - began;
  return reason === undefined ? { passed: true, elapsedMs } : { passed: false, reason, elapsedMs };
}

function atPort(backend: Backend, port: number | undefined): Backend {
  if (port === undefined || addressOf(backend).socketPath !== undefined) return backend;
  const url = new URL(backend.url);
  url.port = String(port);
  return { ...backend, url: url.href };
}

async function ask(backend: Backend, check: Check, transport: Transport, cut: AbortSignal): Promise<Complaint> {
  const response = await transport(...requestFor(backend, check, cut));
  const expected = check.expectedStatuses.some(([from, to]) => from <= response.status && response.status <= to);
  if (cut.aborted || !expected || check.expectedBody === undefined) {
    // Not awaited: some runtimes end a cancelled body only with its connection.
    response.body?.cancel().catch(() => {});
    return expected ? undefined : `status ${response.status}`;
  }
  return matches(await readText(response, cut), check.expectedBody) ? undefined : "body does not match";
}

function requestFor(backend: Backend, check: Check, cut: AbortSignal): [Incoming, Outgoing] {
  const fields = new Map([["user-agent", `roundabout-health/${version}`], ...Object.entries(check.headers)]);
  const host = fields.get("host");
  fields.delete("host");
  const incoming: Incoming = {
    method: check.method,
    headers: new Headers(),
    body: undefined,
    onAbort(listener) {
      if (cut.aborted) listener();
      else cut.addEventListener("abort", listener, { once: true });
      return () => cut.removeEventListener("abort", listener);
    },
  };
  const outgoing: Outgoing = {
    backend,
    peer: check.peer,
    target: check.path,
    host,
    headers: { drop: new Set(), set: [...fields] },
    deadlines: { connectMs: check.timeout, responseMs: check.timeout, sendMs: check.timeout, idleMs: 0 },
    // A connection kept from before would say that the backend was up then.
    fresh: true,
    onEnd() {},
  };
  return [incoming, outgoing];
}

async function readText(response: Response, cut: AbortSignal): Promise<string> {
  if (response.body === null) return "";
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  // Not every runtime carries an abort of the request over to a body that has begun, so it is cancelled by hand.
  const cancel = () => void reader.cancel().catch(() => {});
  cut.addEventListener("abort", cancel);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let left = maxBodyBytes; left > 0;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value.subarray(0, left), { stream: true });
      left -= value.byteLength;
    }
    return text + decoder.decode();
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError("http_response_incomplete", { cause: error });
  } finally {
    cut.removeEventListener("abort", cancel);
    cancel();
  }
}

function matches(text: string, expected: string): boolean {
  const isPattern = expected.length > 2 && expected.startsWith("/") && expected.endsWith("/");
  return isPattern ? new RegExp(expected.slice(1, -1)).test(text) : text.includes(expected);
}
