import { ProxyError } from "../core/errors.ts";

/** Statuses that have no body whatever their fields say (RFC 9110 §6.4.1 and the Fetch standard's null body statuses). */
const nullBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** Whether an answer's head is all of it. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || nullBody.has(status);
}

/** @throws {ProxyError} `http_protocol_error` for a status that no Response can carry */
export function checkStatus(status: number): void {
  if (status < 200 || status > 599) {
    throw new ProxyError("http_protocol_error", { cause: new RangeError(`status ${status}`) });
  }
}
