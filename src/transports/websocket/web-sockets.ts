import { ProxyError } from "../../core/errors.ts";
import type { HeaderEdits, WebSockets } from "../../core/ports.ts";
import type { Switched } from "../http1/exchange.ts";
import type { Head } from "../http1/head.ts";
import type { Http1Client, Respond } from "../http1/http1.ts";
import { checkSwitch } from "./handshake.ts";
import { type Relay, relay } from "./relay.ts";
import { createSessions, type Session } from "./sessions.ts";
import { switchedResponse } from "./switched.ts";
import { tunnel, type TunnelEnd } from "./tunnel.ts";

/** What a door puts beside a request that may become a WebSocket, and finds again when the app has answered. */
export interface Offer {
  /** What the door can join to a backend: a client's bytes, or only its messages. */
  readonly by: "bytes" | "messages";
  agreed?: Agreed;
}

/** A backend that has agreed to a WebSocket. One of these has to be called, once. */
export interface Agreed {
  readonly head: Head;
  /** The Sec-WebSocket-Accept of the answer that stands for it. */
  readonly accept: string;
  tunnel(client: TunnelEnd): void;
  relay(): Relay;
  /** The client does not get to it. */
  refuse(): void;
}

/** How long the sides have to answer the close frame at the end. */
const momentMs = 1_000;

/**
 * WebSockets where a server gives its clients' sockets away, or relays their messages: Node, Bun and Deno.
 *
 * @param respond makes a refused handshake the answer that it is
 */
export function createWebSockets(send: Http1Client, respond: Respond): WebSockets {
  const sessions = createSessions();

  return {
    count: sessions.count,
    goAway: () => sessions.goAway(momentMs),
    async open({ env }, incoming, outgoing) {
      const { offer } = (env ?? {}) as { readonly offer?: Offer };
      if (offer === undefined) {
        throw new ProxyError("not_supported", {
          detail:
            "A WebSocket needs the server that `roundabout serve` brings: this one does not hand its clients over.",
        });
      }
      const key = incoming.headers.get("sec-websocket-key")!;
      const headers = offer.by === "bytes" ? outgoing.headers : withoutExtensions(outgoing.headers);
      const answer = await send(incoming, { ...outgoing, headers });
      if (!("socket" in answer)) return respond(answer, incoming);
      offer.agreed = await agree(answer, key, outgoing.onEnd);
      return switchedResponse(answer.head);
    },
  };

  async function agree(
    answer: Switched,
    key: string,
    onEnd: (bytes: number, error?: unknown) => void,
  ): Promise<Agreed> {
    const { head, socket } = answer;
    socket.on("error", () => {}); // while nobody else listens
    socket.pause();
    const accept = await checkSwitch(answer, key).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    const open = <Opened extends Session>(begin: (end: typeof onEnd) => Opened): Opened => {
      let forget = () => {};
      const session = begin((bytes, error) => {
        forget();
        onEnd(bytes, error);
      });
      forget = sessions.add(session);
      return session;
    };
    return {
      head,
      accept,
      tunnel: (client) => void open((end) => tunnel(client, answer, end)),
      relay: () => open((end) => relay(answer, end)),
      refuse() {
        socket.destroy();
        onEnd(0, new ProxyError("client_aborted"));
      },
    };
  }
}

/** What the client's side of a relay does not speak must not be offered. */
function withoutExtensions({ drop, set }: HeaderEdits): HeaderEdits {
  return { drop: new Set([...drop, "sec-websocket-extensions"]), set };
}
