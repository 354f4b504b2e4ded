import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { addressOf } from "../../core/address.ts";
import { ProxyError } from "../../core/errors.ts";
import { trailersToPass } from "../../core/fields.ts";
import type { Incoming, Outgoing } from "../../core/ports.ts";
import { checkHead, isBodiless } from "../answer.ts";
import type { Alarm, Alarms } from "../http1/alarms.ts";
import type { Answer } from "../http1/exchange.ts";
import { createFlow, type Flow, type Source } from "../http1/flow.ts";
import { upload } from "../http1/upload.ts";
import { codeOfConnecting } from "../node-errors.ts";
import { requestFields } from "./request.ts";
import type { Session, TakeSession } from "./sessions.ts";

const isBun = "Bun" in globalThis;

/** How an exchange went on. */
export interface Outcome {
  onAnswer(answer: Answer): void;
  onFailure(error: ProxyError): void;
}

/** Sends one request as a stream of a connection and follows it until its answer has ended. */
export function exchange(
  take: TakeSession,
  alarms: Alarms,
  incoming: Incoming,
  outgoing: Outgoing,
  outcome: Outcome,
): void {
  const { method } = incoming;
  const { backend, deadlines, peer, fresh = false } = outgoing;
  const address = addressOf(backend);
  let session: Session | undefined;
  let stream: ClientHttp2Stream | undefined;
  let failure: Error | undefined;
  let length: number | undefined; // of the answer's body, where it is announced
  let isWhole = () => false;
  let wait: "connect" | "send" | "response" | "idle" = "connect";
  let again = !fresh; // a stream that was not looked at may be sent once more
  let sent = false;
  let answered = false;
  let trailers: readonly string[] = [];
  let flow: (Flow & Source) | undefined;
  let bytes = 0;
  let over = false;
  let drained = () => {};
  let stopUpload = () => {};
  let stopTaking = () => {};
  let stopListening = () => {};

  const alarm: Alarm = {
    at: Number.POSITIVE_INFINITY,
    ring() {
      if (wait === "idle") end(new ProxyError("http_response_incomplete", { cause: new Error("nothing came") }), true);
      else end(new ProxyError(wait === "connect" ? "connection_timeout" : "http_response_timeout"), true);
    },
  };

  function waitFor(next: typeof wait, ms: number): void {
    wait = next;
    if (ms > 0) alarms.set(alarm, ms);
    else alarm.at = Number.POSITIVE_INFINITY;
  }

  function end(error?: ProxyError, suspect = false): void {
    if (over) return;
    over = true;
    alarms.remove(alarm);
    stopListening();
    stopTaking();
    stopUpload();
    if (error !== undefined || !sent) stream?.close(constants.NGHTTP2_CANCEL);
    session?.leave(suspect || fresh);
    if (!answered) return outcome.onFailure(error!);
    if (error !== undefined) flow?.fail(error);
    outgoing.onEnd(bytes, error);
  }

  function begin(): void {
    sent = false;
    waitFor("connect", deadlines.connectMs);
    stopTaking = take(address, peer, { fresh, connectMs: deadlines.connectMs }, {
      onOpen,
      onLost(cause) {
        const known = cause instanceof ProxyError;
        end(known ? cause : new ProxyError(codeOfConnecting(cause, address.secure), { cause }));
      },
    });
  }

  function onOpen(opened: Session): void {
    if (over) return opened.leave(false);
    session = opened;
    const { body } = incoming;
    const scheme = address.secure ? "https" : "http";
    const fields = requestFields(incoming, outgoing, scheme, outgoing.host ?? address.host);
    let opening: ClientHttp2Stream;
    try {
      opening = stream = opened.http2.request(fields, { endStream: body === undefined });
    } catch (cause) {
      return end(new ProxyError("proxy_internal_error", { cause }));
    }
    isWhole = watchEnd(opening);
    opening.on("response", onResponse).on("headers", onInterim).on("trailers", onTrailers);
    opening.on("end", onComplete).on("error", (error) => (failure = error)).on("close", () => onClose(opening));
    if (body === undefined) return onSent();
    if (body.whole !== undefined) {
      opening.end(body.whole);
      return onSent();
    }
    opening.on("drain", () => drained());
    const pause = (forBackend: boolean) => void (answered || waitFor("send", forBackend ? deadlines.sendMs : 0));
    const writer = { write: (chunk: Uint8Array) => opening.write(chunk), end: () => void opening.end() };
    const events = { onWait: pause, onSent, onBroken: end, onDrained: (go: () => void) => void (drained = go) };
    stopUpload = upload(body, undefined, writer, events);
  }

  function onSent(): void {
    sent = true;
    if (!answered) waitFor("response", deadlines.responseMs);
  }

  function onInterim(fields: IncomingHttpHeaders & { ":status"?: number }): void {
    incoming.onInterim?.(fields[":status"]!, linesOf(fields));
  }

  function onResponse(fields: IncomingHttpHeaders & { ":status"?: number }): void {
    if (over) return;
    const status = fields[":status"]!;
    try {
      checkHead(status, method === "HEAD" ? 0 : Number(fields["content-length"] ?? 0));
    } catch (error) {
      return end(error as ProxyError);
    }
    answered = true;
    session!.carried = true;
    waitFor("idle", deadlines.idleMs);
    const lines = linesOf(fields);
    const names = lines.filter((_, index) => index % 2 === 0);
    const head = { status, reason: "", fields: lines, names, connection: null };
    const announced = fields["content-length"];
    if (isBodiless(method, status)) {
      stream!.resume();
      return outcome.onAnswer({ head, body: null, trailers });
    }
    if (announced !== undefined) length = Number(announced);
    flow = createFlow(hold, () => end(new ProxyError("client_aborted")));
    stream!.on("data", onData);
    outcome.onAnswer({ head, body: flow, trailers });
  }

  /** Holds the backend back, or goes on reading. */
  function hold(back: boolean): void {
    if (over) return;
    waitFor("idle", back ? 0 : deadlines.idleMs); // it is the client who is slow
    if (back) stream!.pause();
    else stream!.resume();
  }

  function onData(chunk: Uint8Array): void {
    if (over) return;
    bytes += chunk.byteLength;
    if (length !== undefined && bytes > length) {
      return end(new ProxyError("http_response_incomplete", { cause: new Error("there was more than its length") }));
    }
    if (deadlines.idleMs > 0) waitFor("idle", deadlines.idleMs);
    flow!.data(chunk);
  }

  function onTrailers(fields: IncomingHttpHeaders): void {
    trailers = trailersToPass(linesOf(fields));
  }

  function onComplete(): void {
    if (over || !answered) return;
    const missing = !isWhole() || (length !== undefined && bytes !== length);
    if (missing) {
      return end(new ProxyError("http_response_incomplete", { cause: new Error("the stream was cut short") }));
    }
    flow?.end(trailers);
    end();
  }

  function onClose(closed: ClientHttp2Stream): void {
    if (over || closed !== stream) return;
    const code = closed.rstCode ?? constants.NGHTTP2_NO_ERROR;
    const cause = failure ?? new Error(`the stream was closed with code ${code}`);
    if (answered) return end(new ProxyError("http_response_incomplete", { cause }));
    // "guarantees that the request has not been processed" (RFC 9113 §8.7): so it may be sent anew, whatever its method.
    if (code === constants.NGHTTP2_REFUSED_STREAM) {
      if (!again || incoming.body?.replayable === false) return end(new ProxyError("connection_refused", { cause }));
      again = false;
      stopUpload();
      session!.leave(true);
      session = stream = undefined;
      return begin();
    }
    const isMalformed = code === constants.NGHTTP2_PROTOCOL_ERROR;
    const reused = session!.carried;
    end(new ProxyError(isMalformed ? "http_protocol_error" : "connection_terminated", { cause, reused }));
  }

  alarms.add(alarm);
  stopListening = incoming.onAbort(() => end(new ProxyError("client_aborted")));
  if (over) return stopListening(); // had left already
  begin();
}

/**
 * Tells, when a stream's end is told, whether its backend had said so.
 *
 * node:http2 ends a stream that was reset without an error as if it were whole: closed before the end is pushed, on Bun destroyed
 * before it is told.
 */
function watchEnd(stream: ClientHttp2Stream): () => boolean {
  let said = false;
  const push = stream.push.bind(stream);
  stream.push = (chunk, encoding) => {
    if (chunk === null && !stream.closed) said = true;
    return push(chunk, encoding);
  };
  return () => said && !(isBun && stream.destroyed);
}

/** Name, value, name, value: several values of a name stay apart. */
function linesOf(fields: IncomingHttpHeaders): readonly string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) lines.push(name, one);
  }
  return lines;
}
