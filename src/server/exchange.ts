import type { ProxyError } from "../core/errors.ts";
import type { Client, RawRequest } from "../core/ports.ts";
import { rawFields } from "../core/fields.ts";
import type { Offer } from "../transports/websocket/web-sockets.ts";
import type { Inbox } from "./inbox.ts";
import { lazyRequest } from "./lazy-request.ts";
import type { RequestHead } from "./request-head.ts";

/** What the server puts beside each request. */
export interface ServerEnv {
  readonly client: Client;
  /** In a request for another protocol. */
  readonly offer: Offer | undefined;
}

/** Whom a server asks. */
export interface App {
  fetch(request: Request, env: ServerEnv): Response | Promise<Response>;
  /** The answer to what never becomes a request. */
  refuse(error: ProxyError): Response;
}

/** Where requests come from. */
export interface Origin {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly secure: boolean;
}

/** What an exchange needs of its connection. */
export interface Line {
  readonly origin: Origin;
  /** Asks the client for its body. */
  ask(): void;
  onInterim(status: number, fields: readonly string[]): void;
}

/** A request and its answer on a client's connection. */
export interface Exchange {
  readonly head: RequestHead;
  /** `undefined`: the request has no body. */
  readonly inbox: Inbox | undefined;
  readonly request: Request;
  readonly env: ServerEnv;
  /** All of the request has come. */
  isComplete: boolean;
  /** The client was asked for its body. */
  isAsked: boolean;
  /** The answer has begun. */
  isAnswering: boolean;
  /** The answer has been written. */
  isAnswered: boolean;
  /** Bytes of the body that came after the answer. */
  unwanted: number;
  /** The client has left: who listens is told. */
  leave(): void;
  /** The client has its answer: who goes on listening is told, once all has been heard that comes together with the answer's end. */
  finish(): void;
}

/** A request as it is handed to the app. @param hold stops or goes on reading from the client */
export function createExchange(head: RequestHead, inbox: Inbox | undefined, line: Line): Exchange {
  const { origin } = line;
  const listeners: ((() => void) | undefined)[] = [];
  let left = false;

  function onLeave(listener: () => void): () => void {
    if (left) {
      listener();
      return () => {};
    }
    const place = listeners.push(listener) - 1;
    return () => void (listeners[place] = undefined);
  }

  const raw: RawRequest = {
    headers: rawFields(head.fields, head.names),
    target: head.target,
    ask: () => void (left || line.ask()),
    // A Request of these can have no body, so that only one that is there can be sent on.
    whole: () => (head.method === "GET" || head.method === "HEAD" ? inbox?.ended().then(inbox.whole) : inbox?.whole()),
    trailers: () => inbox?.trailers() ?? [],
    onInterim: (status, lines) => void (left || line.onInterim(status, lines)),
  };
  const client: Client = { ...origin, direct: true, raw, onLeave };
  function leave(): void {
    left = true;
    for (let place = 0; place < listeners.length; place++) {
      const listener = listeners[place];
      listeners[place] = undefined;
      listener?.();
    }
  }

  return {
    head,
    inbox,
    isComplete: inbox === undefined,
    isAsked: false,
    isAnswering: false,
    isAnswered: false,
    unwanted: 0,
    request: lazyRequest({ head, secure: origin.secure, body: () => inbox?.stream(), onLeave }),
    env: { client, offer: head.upgrades ? { by: "bytes" } : undefined },
    leave,
    finish() {
      left = true;
      if (listeners.some((listener) => listener !== undefined)) queueMicrotask(leave);
    },
  };
}
