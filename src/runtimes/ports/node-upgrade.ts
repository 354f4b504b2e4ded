import { type IncomingMessage, type RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { letsThrough } from "../../transports/websocket/switched.ts";
import type { Agreed, Offer } from "../../transports/websocket/web-sockets.ts";
import type { TunnelEnd } from "../../transports/websocket/tunnel.ts";

/** A connection that its server gave away together with a request for another protocol. */
interface Upgrade {
  readonly offer: Offer;
  /** Takes it over from the request. */
  take(): TunnelEnd;
}

const upgrades = new WeakMap<ServerResponse, Upgrade>();

/** What a client may say before it is answered; it has to wait, really (RFC 6455 §4.1). */
const earlyBytes = 64 * 1024;

/** Lets a server's requests for another protocol go the way of all requests, with an answer that is written on the same connection. */
export function serveUpgrades(
  server: {
    on(event: "upgrade", listener: (incoming: IncomingMessage, socket: Socket, head: Buffer) => void): unknown;
  },
  listener: RequestListener,
): void {
  server.on("upgrade", (incoming, socket, head) => {
    socket.on("error", () => {}); // the server listens no more
    const outgoing = new ServerResponse(incoming);
    outgoing.shouldKeepAlive = false;
    try {
      outgoing.assignSocket(socket);
    } catch {
      // The answer to an earlier request is still on it.
      return void socket.destroy();
    }
    upgrades.set(outgoing, { offer: { by: "bytes" }, take: hold(socket, head, outgoing) });
    outgoing.once("finish", () => {
      outgoing.detachSocket(socket);
      socket.destroySoon();
    });
    void listener(incoming, outgoing);
  });
}

/** Reads on, so that it is heard when the client leaves; gives back how to get the socket with what was read. */
function hold(socket: Socket, head: Buffer, outgoing: ServerResponse): () => TunnelEnd {
  const early = [head];
  let bytes = head.length;
  const onData = (chunk: Buffer) => {
    early.push(chunk);
    bytes += chunk.length;
    if (bytes > earlyBytes) socket.pause();
  };
  const onEnd = () => void socket.destroy();
  const onDrain = () => void outgoing.emit("drain"); // as the server would
  socket.on("data", onData).on("end", onEnd).on("drain", onDrain);
  return () => {
    socket.off("data", onData).off("end", onEnd).off("drain", onDrain).pause();
    outgoing.detachSocket(socket);
    return { socket, rest: Buffer.concat(early) };
  };
}

/** What a request for another protocol offers the app. */
export const offerOf = (outgoing: ServerResponse): Offer | undefined => upgrades.get(outgoing)?.offer;

/** Joins the client to the backend that has agreed, if that is the app's answer; gives back whether it was. */
export function acceptUpgrade(response: Response, outgoing: ServerResponse): boolean {
  const upgrade = upgrades.get(outgoing);
  const agreed = upgrade?.offer.agreed;
  if (upgrade === undefined || agreed === undefined) return false;
  if (!letsThrough(response, agreed.accept)) {
    agreed.refuse();
    return false;
  }
  const client = upgrade.take();
  if (client.socket.destroyed) agreed.refuse();
  else {
    client.socket.write(headOf(response.headers, agreed), "latin1");
    agreed.tunnel(client);
  }
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
