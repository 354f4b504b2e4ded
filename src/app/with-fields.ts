import { isSwitched } from "../transports/websocket/switched.ts";

/** A runtime's own answer may not be changed, so one with other fields is another one. */
export function withFields(
  response: Response,
  fields: Readonly<Record<string, string>>,
  cookie: string | undefined,
): Response {
  if (Object.keys(fields).length === 0 && cookie === undefined) return response;
  const change = (headers: Headers) => {
    for (const name in fields) headers.set(name, fields[name]!);
    if (cookie !== undefined) headers.append("set-cookie", cookie);
  };
  if (response.status === 101 || isSwitched(response)) {
    change(response.headers); // made here, and nothing but itself leads to its WebSocket
    return response;
  }
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(body, { status, statusText, headers });
}
