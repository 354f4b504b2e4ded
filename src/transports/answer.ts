import { ProxyError } from "../core/errors.ts";

/** Statuses that have no body whatever their fields say (RFC 9110 §6.4.1 and the Fetch standard's null body statuses). */
const nullBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** Whether an answer's head is all of it. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || nullBody.has(status);
}

/**
 * @param bytes of content that the answer announces
 * @throws {ProxyError} `http_protocol_error` for a status that no Response can carry, and for one that means "no content" with some:
 * clients would take what follows for it (RFC 9110 §15.3.6)
 */
export function checkHead(status: number, bytes: number): void {
  if (!(status >= 200 && status <= 599)) { // also one that is none
    throw new ProxyError("http_protocol_error", { cause: new RangeError(`status ${status}`) });
  }
  if (status === 205 && bytes > 0) {
    throw new ProxyError("http_protocol_error", { cause: new Error("a 205 with content") });
  }
}

/** The same of an answer that a `fetch` gave. @throws {ProxyError} */
export function checkResponse({ status, headers }: Response, method: string): void {
  checkHead(status, status === 205 && method !== "HEAD" ? Number(headers.get("content-length") ?? 0) : 0);
}
