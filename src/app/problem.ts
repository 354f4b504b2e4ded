import { ProxyError } from "../core/errors.ts";

/** What an answer of the balancer's own says beside its error. */
export interface ProblemContext {
  readonly requestId: string;
  readonly accept: string | null;
  /** Seconds, with a 503. */
  readonly retryAfter: number;
}

/**
 * The balancer's own answer to what went wrong: problem details for who asks for JSON, else a line of text. Never an address or a stack.
 *
 * @see RFC 9457 for the problem details, RFC 9209 for Proxy-Status
 */
export function problem(error: ProxyError, { requestId, accept, retryAfter }: ProblemContext): Response {
  const { type, title } = error.row;
  // 499 is a word of the log: who reads this has not left, but sent a body that cannot be read.
  const status = error.code === "client_aborted" ? 400 : error.row.status;
  const headers = new Headers({ "proxy-status": `roundabout; error=${type}`, "cache-control": "no-store" });
  if (status === 503) headers.set("retry-after", String(retryAfter));
  if (status === 405) headers.set("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (status === 426) {
    headers.set("upgrade", "websocket");
    headers.set("sec-websocket-version", "13");
  }
  if (wantsJson(accept)) {
    headers.set("content-type", "application/problem+json");
    const details = {
      type: `https://www.iana.org/assignments/http-proxy-status#${type}`,
      title,
      status,
      detail: error.detail,
      requestId,
    };
    return sized(JSON.stringify(details), status, headers);
  }
  headers.set("content-type", "text/plain; charset=utf-8");
  const detail = error.detail === undefined ? "" : ` ${error.detail}`;
  return sized(`${status} ${title}.${detail} (request ${requestId})\n`, status, headers);
}

/** Not every runtime says the length of a text by itself. */
function sized(text: string, status: number, headers: Headers): Response {
  const bytes = new TextEncoder().encode(text);
  headers.set("content-length", String(bytes.byteLength));
  return new Response(bytes, { status, headers });
}

function wantsJson(accept: string | null): boolean {
  return accept !== null && /\bapplication\/(?:problem\+)?json\b/i.test(accept);
}

/** Anything thrown as a row of the table: what nobody foresaw is ours. */
export function asProxyError(error: unknown): ProxyError {
  return error instanceof ProxyError ? error : new ProxyError("proxy_internal_error", { cause: error });
}
