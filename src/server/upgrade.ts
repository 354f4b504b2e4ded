import { letsThrough } from "../transports/websocket/switched.ts";
import type { TunnelEnd } from "../transports/websocket/tunnel.ts";
import type { Agreed, Offer } from "../transports/websocket/web-sockets.ts";

/**
 * Joins the client to the backend that has agreed, if that is the app's answer; gives back whether it was.
 *
 * @param take takes the client's socket over from its connection
 */
export function acceptUpgrade(response: Response, { agreed }: Offer, take: () => TunnelEnd): boolean {
  if (agreed === undefined) return false;
  if (!letsThrough(response, agreed.accept)) {
    agreed.refuse();
    return false;
  }
  const client = take();
  client.socket.write(headOf(response.headers, agreed), "latin1");
  agreed.tunnel(client);
  return true;
}

/** The backend's 101 with the fields that the app has made of its own, in its spelling. */
function headOf(headers: Headers, { head: { reason, fields } }: Agreed): string {
  const spelling = new Map<string, string>();
  for (let index = 0; index < fields.length; index += 2) spelling.set(fields[index]!.toLowerCase(), fields[index]!);
  let text = `HTTP/1.1 101 ${reason}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`;
  for (const [name, value] of headers) text += `${spelling.get(name) ?? name}: ${value}\r\n`;
  return `${text}\r\n`;
}
