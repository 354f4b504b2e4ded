import { endToEnd } from "../http1/plain-response.ts";
import type { Head } from "../http1/head.ts";

const switched = new WeakSet<Response>();

/**
 * Stands for a backend's 101 on its way through the app, with its fields; no Response can have that status.
 *
 * Who accepts the client knows it again by its Sec-WebSocket-Accept, also when a middleware has made another Response of it.
 */
export function switchedResponse(head: Head): Response {
  const headers = new Headers();
  const fields = endToEnd(head);
  for (let index = 0; index < fields.length; index += 2) headers.append(fields[index]!, fields[index + 1]!);
  const response = new Response(null, { headers });
  switched.add(response);
  return response;
}

/** Whether an answer stands for a switch to another protocol. */
export const isSwitched = (response: Response): boolean => switched.has(response);

/** Whether the app has let a switch through: a middleware that answers otherwise may have kept its fields. */
export const letsThrough = ({ status, headers }: Response, accept: string): boolean =>
  status === 200 && headers.get("sec-websocket-accept") === accept;
