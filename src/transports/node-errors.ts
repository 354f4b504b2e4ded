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
  return connecting[systemCode(error)] ?? (secure ? "tls_error" : "connection_refused");
}

/** The `code` that sockets and clients put on their errors; "" where there is none. */
export function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
