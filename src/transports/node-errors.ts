import type { ErrorCode } from "../core/errors.ts";

const connecting: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "connection_refused",
  ENOTFOUND: "dns_error",
  EAI_AGAIN: "dns_error",
  EHOSTUNREACH: "destination_ip_unroutable",
  ENETUNREACH: "destination_ip_unroutable",
  ETIMEDOUT: "connection_timeout",
};

/** The row for a failure before the connection stood: nothing was sent. */
export function codeOfConnecting(error: unknown, secure: boolean): ErrorCode {
  const code = systemCode(error);
  if (code === "UND_ERR_INVALID_ARG") return "proxy_internal_error"; // a request that cannot be written is our fault
  return connecting[code] ?? (secure ? "tls_error" : "connection_refused");
}

const exchanging: Readonly<Record<string, ErrorCode>> = {
  ERR_ASSERTION: "http_protocol_error", // undici's own, on a status below 100
  UND_ERR_HEADERS_OVERFLOW: "http_protocol_error",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "http_protocol_error",
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: "malformed_request",
};

/** The row for a failure on a standing connection, as undici reports it. */
export function codeOfExchange(error: unknown): ErrorCode {
  // The parser's errors carry a code only now and then.
  if (error instanceof Error && error.name === "HTTPParserError") return "http_protocol_error";
  return exchanging[systemCode(error)] ?? "connection_terminated";
}

/** The `code` that sockets and clients put on their errors; "" where there is none. */
export function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
