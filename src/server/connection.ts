import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { ProxyError } from "../core/errors.ts";
import { trailersToPass } from "../core/fields.ts";
import { unseenAnswer } from "../transports/http1/lazy-response.ts";
import type { Alarm, Alarms } from "../transports/http1/alarms.ts";
import { createMessageParser, type MessageRules } from "../transports/http1/message-parser.ts";
import type { TunnelEnd } from "../transports/websocket/tunnel.ts";
import { interimHead } from "./answer-head.ts";
import { type Ending, forget, writeAnswer, writeResponse, type Writing } from "./answer-writer.ts";
import { type App, createExchange, type Exchange, type Origin } from "./exchange.ts";
import { createInbox } from "./inbox.ts";
import { checkRequestBeginning, malformed, parseRequestHead } from "./request-head.ts";
import { acceptUpgrade } from "./upgrade.ts";

/** What a connection is held to. */
export interface ConnectionLimits {
  readonly headBytes: number;
  /** Milliseconds for a head to come. */
  readonly headTimeout: number;
  /** Milliseconds between an answer and the next request. */
  readonly idleTimeout: number;
}

/** A client's connection. */
export interface ServerConnection {
  /** Ends after the answer that is on its way, or now if there is none. */
  close(): void;
  cut(): void;
}

/** What came before its turn; beyond this the client is held back. */
const earlyBytes = 64 * 1024;
/** What of a body is read that nobody wants, so that the connection can be used again. */
const unwantedBytes = 1024 * 1024;
/** How long a client may go on sending after its last answer: closed at once, the answer could be lost (RFC 9112 §9.6). */
const lingerMs = 2_000;

/** How many idle times a client may take to read the end of an answer. */
const mostRings = 4;

/** What nobody is there to be told. */
const gone = () => new Error("the client has left");

/** Serves a client's requests one after another. */
export function serveConnection(
  socket: Socket,
  origin: Origin,
  app: App,
  limits: ConnectionLimits,
  alarms: Alarms,
): ServerConnection {
  let exchange: Exchange | undefined; // the request that is being served
  let writing: Writing | undefined;
  let begun = false; // the beginning of a head has come
  let early: Buffer | undefined; // what came before its turn
  let rings = 0; // while the client took nothing more of its answer, as far as that is known
  let isUnreadable = false; // the client has broken its word: nothing more is read
  let isClosing = false; // after this answer
  let isOver = false; // no further request is served

  const rules: MessageRules = {
    maxHeadBytes: limits.headBytes,
    malformed,
    tooLong(_, bytes) {
      const lineEnd = bytes.indexOf(10);
      const isTarget = exchange === undefined && (lineEnd < 0 || lineEnd > limits.headBytes);
      const detail = `At most ${limits.headBytes} bytes are accepted.`;
      throw new ProxyError(isTarget ? "target_too_long" : "head_too_large", { detail });
    },
  };
  const parser = createMessageParser({ onHead, onData, onEnd, checkBeginning: checkRequestBeginning }, rules);
  const alarm: Alarm = { at: Number.POSITIVE_INFINITY, ring };
  const line = { origin, ask, onInterim };

  function hold(back: boolean): void {
    if (isOver) return;
    if (back || (early !== undefined && early.length > earlyBytes)) socket.pause();
    else socket.resume();
  }

  function onHead(text: string): number | "chunked" | "head" {
    let from = 0; // empty lines before a request are let be (RFC 9112 §2.2)
    while (text.startsWith("\r\n", from)) from += 2;
    if (from === text.length) return "head";
    const head = parseRequestHead(text.slice(from));
    exchange = createExchange(head, head.framing === 0 ? undefined : createInbox(hold, ask), line);
    return head.framing;
  }

  function onData(bytes: Buffer): void {
    if (exchange!.isAnswered) exchange!.unwanted += bytes.length;
    exchange!.inbox!.push(bytes);
  }

  function onEnd(trailers: readonly string[]): void {
    exchange!.isComplete = true;
    exchange!.inbox?.end(trailersToPass(trailers));
  }

  function read(bytes: Buffer): void {
    const before = exchange;
    try {
      early = parser.push(bytes);
    } catch (error) {
      return refuse(before, error);
    }
    if (exchange === undefined) awaitHead();
    else if (before === undefined) serve(exchange);
    else if (exchange.isAnswered && (exchange.isComplete || exchange.unwanted > unwantedBytes)) next();
  }

  function awaitHead(): void {
    if (begun) return;
    begun = true;
    alarms.set(alarm, limits.headTimeout);
  }

  /** Of what is no request, or no longer one. @param serving what it is part of, if that is being served already */
  function refuse(serving: Exchange | undefined, error: unknown): void {
    isUnreadable = true;
    if (serving?.isAnswered) return next(true);
    if (serving !== undefined) return serving.inbox!.fail(error as Error);
    exchange = undefined;
    const problem = error instanceof ProxyError ? error : new ProxyError("proxy_internal_error", { cause: error });
    writeResponse(app.refuse(problem), { method: "GET", minor: 1 }, false, socket, sayGoodbye);
  }

  function serve(mine: Exchange): void {
    begun = false;
    alarm.at = Number.POSITIVE_INFINITY;
    const fault = () => exchange === mine && leave();
    const answered = (response: Response) => {
      try {
        answer(mine, response);
      } catch {
        fault();
      }
    };
    try {
      Promise.resolve(app.fetch(mine.request, mine.env)).then(answered, fault);
    } catch {
      fault();
    }
  }

  function ask(): void {
    if (exchange === undefined || exchange.isAsked || exchange.isAnswering) return;
    exchange.isAsked = true;
    if (exchange.head.expects && !exchange.inbox!.hasBegun()) socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
  }

  function onInterim(status: number, fields: readonly string[]): void {
    // 100 is the server's own affair (RFC 9110 §10.1.1); a client of HTTP/1.0 knows no interim answers (§15.2).
    if (status === 100 || exchange === undefined || exchange.isAnswering || exchange.head.minor === 0) return;
    socket.write(interimHead(status, fields), "latin1");
  }

  /** Whether what is missing of a body can be read away. Who was not asked for it may send it all the same, or not. */
  function canSkip({ head: { framing, expects }, isAsked }: Exchange): boolean {
    return (isAsked || !expects) && !(typeof framing === "number" && framing > unwantedBytes);
  }

  function answer(mine: Exchange, response: Response): void {
    const { head, env: { offer } } = mine;
    if (exchange !== mine) {
      offer?.agreed?.refuse();
      return forget(response);
    }
    if (offer !== undefined && acceptUpgrade(response, offer, detach)) return;
    mine.isAnswering = true;
    // What follows an upgrade may be no request.
    const keepAlive = head.keepAlive && !isClosing && !isUnreadable && offer === undefined &&
      (mine.isComplete || canSkip(mine));
    const unseen = unseenAnswer(response);
    const started = unseen === undefined
      ? writeResponse(response, head, keepAlive, socket, onWritten)
      : writeAnswer(unseen, head, keepAlive, socket, onWritten);
    if (exchange === mine && !mine.isAnswered) writing = started;
  }

  function onWritten(ending: Ending): void {
    if (exchange === undefined) return;
    writing = undefined;
    exchange.isAnswered = true;
    if (ending === "broken") leave();
    else if (ending === "last" || exchange.isComplete || isUnreadable) next(ending === "last" || isUnreadable);
    else {
      exchange.inbox!.discard(); // then comes the next one
      alarms.set(alarm, limits.idleTimeout);
    }
  }

  /** The answer was the last thing to be done for its request. */
  function next(isLast = !exchange!.isComplete): void {
    const done = exchange!;
    exchange = undefined;
    rings = 0;
    done.inbox?.discard();
    done.finish();
    if (isLast || isClosing) return sayGoodbye();
    parser.begin();
    alarms.set(alarm, limits.idleTimeout);
    if (early === undefined) socket.resume();
    else if (!socket.writableNeedDrain) readEarly();
  }

  function readEarly(): void {
    const bytes = early!;
    early = undefined;
    socket.resume();
    read(bytes);
    if (early !== undefined) hold(false); // which goes on holding back who sent too much before its turn
  }

  /** Ends the connection and takes what the client still sends. */
  function sayGoodbye(): void {
    if (isOver) return;
    isOver = true;
    early = undefined;
    socket.end();
    socket.resume();
    alarms.set(alarm, lingerMs);
  }

  /** The client has left, or there is nothing that it could be told. */
  function leave(): void {
    const left = exchange;
    const stopped = writing;
    isOver = true;
    exchange = writing = early = undefined;
    left?.inbox?.fail(gone());
    stopped?.stop();
    left?.leave();
    socket.destroy();
  }

  function ring(): void {
    // It is told of whole writes only: a client that reads slowly may need several idle times for one.
    if (socket.writableLength > 0 && rings++ < mostRings) alarms.set(alarm, limits.idleTimeout);
    else if (isOver || !begun) socket.destroy();
    else refuse(undefined, new ProxyError("request_timeout"));
  }

  function onSocketData(bytes: Buffer): void {
    if (isOver || isUnreadable) return;
    if (exchange?.isComplete || early !== undefined || (exchange === undefined && socket.writableNeedDrain)) {
      early = early === undefined ? bytes : Buffer.concat([early, bytes]);
      if (early.length > earlyBytes) socket.pause();
    } else read(bytes);
  }

  function onSocketEnd(): void {
    if (exchange !== undefined) leave();
    else if (isOver) socket.destroy();
    else if (!isUnreadable) sayGoodbye(); // else that is being told
  }

  function onSocketDrain(): void {
    if (writing !== undefined) writing.resume();
    else if (exchange === undefined && early !== undefined && !isOver) readEarly();
  }

  function onSocketClose(): void {
    alarms.remove(alarm);
    leave();
  }

  function detach(): TunnelEnd {
    const rest = early ?? Buffer.alloc(0);
    isOver = true;
    exchange = early = undefined;
    alarms.remove(alarm);
    socket.off("data", onSocketData).off("end", onSocketEnd).off("drain", onSocketDrain).off("close", onSocketClose);
    socket.pause();
    return { socket, rest };
  }

  socket.on("error", () => {}); // followed by its close
  socket.on("data", onSocketData).on("end", onSocketEnd).on("drain", onSocketDrain).on("close", onSocketClose);
  parser.begin();
  alarms.add(alarm);
  alarms.set(alarm, limits.headTimeout);
  return {
    close() {
      isClosing = true;
      if (exchange !== undefined || begun || isOver) return;
      if (socket.writableLength === 0) socket.destroy();
      else sayGoodbye();
    },
    cut: () => socket.destroy(),
  };
}
