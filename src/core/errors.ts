/** When a request may be tried on another backend, in the words of `retry.on`. */
export type RetryReason = "connect-failure" | "reset" | "timeout";

interface ErrorRow {
  /** The error type of RFC 9209 §2.3: the Proxy-Status parameter and the last part of the problem's `type`. */
  readonly type: string;
  readonly status: number;
  readonly title: string;
  /** Under which word of `retry.on` another backend may be tried; absent: never. */
  readonly retry?: RetryReason;
}

const errors = {
  malformed_request: { type: "http_request_error", status: 400, title: "The request is malformed" },
  no_route: { type: "destination_not_found", status: 404, title: "Nothing is served here" },
  method_not_allowed: { type: "http_request_error", status: 405, title: "The method is not allowed" },
  request_timeout: { type: "http_request_error", status: 408, title: "The request's head took too long" },
  body_too_large: { type: "http_request_error", status: 413, title: "The request's body is too large" },
  target_too_long: { type: "http_request_error", status: 414, title: "The request's target is too long" },
  expectation_failed: {
    type: "http_request_error",
    status: 417,
    title: "The balancer can meet no expectation but 100-continue",
  },
  upgrade_required: { type: "http_request_error", status: 426, title: "Another version of WebSocket is needed" },
  head_too_large: { type: "http_request_error", status: 431, title: "The request's header fields are too large" },
  client_aborted: { type: "http_request_error", status: 499, title: "The client closed the request" },
  proxy_internal_error: { type: "proxy_internal_error", status: 500, title: "The balancer failed" },
  body_consumed: {
    type: "proxy_internal_error",
    status: 500,
    title: "The request's body was read before it reached the balancer",
  },
  not_supported: { type: "http_request_error", status: 501, title: "The balancer does not support this" },
  version_not_supported: {
    type: "http_request_error",
    status: 505,
    title: "The balancer speaks HTTP/1.1 and HTTP/1.0 here",
  },
  connection_refused: {
    type: "connection_refused",
    status: 502,
    title: "The backend refused the connection",
    retry: "connect-failure",
  },
  dns_error: { type: "dns_error", status: 502, title: "The backend's name was not found", retry: "connect-failure" },
  destination_ip_unroutable: {
    type: "destination_ip_unroutable",
    status: 502,
    title: "The backend cannot be reached",
    retry: "connect-failure",
  },
  tls_error: {
    type: "tls_protocol_error",
    status: 502,
    title: "No secure connection to the backend",
    retry: "connect-failure",
  },
  connection_terminated: {
    type: "connection_terminated",
    status: 502,
    title: "The backend closed the connection",
    retry: "reset",
  },
  http_protocol_error: { type: "http_protocol_error", status: 502, title: "The backend's answer is malformed" },
  http_response_incomplete: {
    type: "http_response_incomplete",
    status: 502,
    title: "The backend's answer ended early",
  },
  destination_unavailable: { type: "destination_unavailable", status: 503, title: "No backend is available" },
  connection_limit_reached: { type: "connection_limit_reached", status: 503, title: "The backends have no room" },
  connection_timeout: {
    type: "connection_timeout",
    status: 504,
    title: "The backend took too long to connect",
    retry: "connect-failure",
  },
  http_response_timeout: {
    type: "http_response_timeout",
    status: 504,
    title: "The backend took too long to answer",
    retry: "timeout",
  },
  proxy_loop_detected: { type: "proxy_loop_detected", status: 508, title: "The request came back to the balancer" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errors;

/** An expected failure of proxying: a row of the table, and what caused it. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code: ErrorCode;
  /** Safe to show to a client: names fields and limits, never an address. */
  readonly detail: string | undefined;
  /** The connection had carried a request before: its backend may simply have closed it (RFC 9112 §9.3.1). */
  readonly reused: boolean;

  constructor(code: ErrorCode, options: { cause?: unknown; detail?: string; reused?: boolean } = {}) {
    super(errors[code].title, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.detail = options.detail;
    this.reused = options.reused ?? false;
  }

  get row(): ErrorRow {
    return errors[this.code];
  }
}
