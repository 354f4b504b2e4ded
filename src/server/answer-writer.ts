import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import { hopByHopNames } from "../core/fields.ts";
import type { Answer } from "../transports/http1/exchange.ts";
import { unseenAnswer } from "../transports/http1/lazy-response.ts";
import { endToEnd } from "../transports/http1/plain-response.ts";
import { type AnswerHead, answerHead, type AnswerStart, type Asked, reasonOf } from "./answer-head.ts";

/** An answer on its way to the client. */
export interface Writing {
  /** The socket takes more. */
  resume(): void;
  /** The client has left. */
  stop(): void;
}

/** How an answer ended: whole, and whether another one may follow it on its connection; or not whole. */
export type Ending = "kept" | "last" | "broken";

type OnWritten = (ending: Ending) => void;

/** What is less goes out in one piece with its head. */
const worthAWrite = 4 * 1024;

/** Writes a backend's answer as it came, its fields in their order and spelling, at the pace of the client's socket. */
export function writeAnswer(
  { head, body, trailers }: Answer,
  asked: Asked,
  keepAlive: boolean,
  socket: Socket,
  onWritten: OnWritten,
): Writing {
  const start = { status: head.status, reason: head.reason, fields: endToEnd(head) };
  if (body === null || body instanceof Uint8Array) {
    const isKnown = trailers.length === 0 || asked.minor === 0;
    const framed = answerHead(start, asked, isKnown ? (body?.byteLength ?? 0) : "nothing", keepAlive);
    writeWhole(framed, body, trailers, socket);
    onWritten(endingOf(framed, keepAlive));
    return atOnce;
  }
  const framed = answerHead(start, asked, "nothing", keepAlive);
  socket.cork();
  writeText(framed.text, socket);
  body.start({
    data: (bytes, release) => writePart(framed, bytes, socket, release),
    end(last) {
      writeEnd(framed, last, socket);
      onWritten(endingOf(framed, keepAlive));
    },
    fail: () => breakOff(framed, socket, onWritten),
  });
  socket.uncork();
  return { resume: () => body.resume(), stop: () => body.cancel() };
}

/** Writes a Response of which nothing more is known than what it shows. */
export function writeResponse(
  response: Response,
  asked: Asked,
  keepAlive: boolean,
  socket: Socket,
  onWritten: OnWritten,
): Writing {
  const start = startOf(response);
  if (response.body === null) {
    const framed = answerHead(start, asked, 0, keepAlive);
    socket.write(framed.text, "latin1");
    if (framed.body === "none" || framed.length === 0) onWritten(endingOf(framed, keepAlive));
    else breakOff(framed, socket, onWritten);
    return atOnce;
  }
  const framed = answerHead(start, asked, "nothing", keepAlive);
  const reader = response.body.getReader();
  let go: (() => void) | undefined;
  const drained = () => new Promise<void>((resolve) => (go = resolve));
  const resume = () => go?.();
  writeStream(framed, reader, socket, drained).then(
    () => onWritten(endingOf(framed, keepAlive)),
    () => {
      void reader.cancel().catch(() => {});
      breakOff(framed, socket, onWritten);
    },
  );
  return {
    resume,
    stop() {
      void reader.cancel().catch(() => {});
      resume();
    },
  };
}

const atOnce: Writing = { resume() {}, stop() {} };

const endingOf = ({ body }: AnswerHead, keepAlive: boolean): Ending => keepAlive && body !== "close" ? "kept" : "last";

/** Ends an answer so that the client sees that it is not whole: no final chunk, fewer bytes than announced, else a reset (RFC 9112 §8). */
function breakOff({ body }: AnswerHead, socket: Socket, onWritten: OnWritten): void {
  // With TLS there is no need, and no way: a connection that ends without a word of TLS's own was cut off (RFC 8446 §6.1).
  if (body === "close" && (socket as TLSSocket).encrypted !== true) socket.resetAndDestroy();
  onWritten("broken");
}

async function writeStream(
  framed: AnswerHead,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  socket: Socket,
  drained: () => Promise<void>,
): Promise<void> {
  if (framed.body === "none") void reader.cancel().catch(() => {});
  const first = framed.body === "none" ? { done: true as const, value: undefined } : reader.read();
  let head = framed.text;
  // A body that came together with its head leaves together with it; else the head does not wait.
  if (!(await isSettled(first))) {
    socket.write(head, "latin1");
    head = "";
  }
  let bytes = 0;
  for (let next = await first; !next.done; next = await reader.read()) {
    bytes += next.value.byteLength;
    if (bytes > (framed.length ?? Number.POSITIVE_INFINITY)) throw new RangeError("the body is too long");
    socket.cork();
    if (head !== "") writeText(head, socket);
    head = "";
    const more = writePart(framed, next.value, socket);
    socket.uncork();
    if (!more) await drained();
  }
  if (framed.body !== "none" && bytes < (framed.length ?? 0)) throw new RangeError("the body is too short");
  socket.cork();
  if (head !== "") socket.write(head, "latin1");
  writeEnd(framed, [], socket);
  socket.uncork();
}

/** @throws {RangeError} for a Response that stands for an error */
function startOf({ status, statusText, headers }: Response): AnswerStart {
  if (status < 200) throw new RangeError("no answer has such a status");
  const drop = hopByHopNames(headers.get("connection"));
  const fields: string[] = [];
  for (const [name, value] of headers) {
    // A length that is none is left out, and there is none of a 204 (RFC 9110 §8.6).
    const isFalse = name === "content-length" && (status === 204 || !/^\d+$/.test(value));
    if (!drop.has(name) && !isFalse) fields.push(name, value);
  }
  return { status, reason: statusText === "" ? reasonOf(status) : statusText, fields };
}

function writeWhole(framed: AnswerHead, body: Uint8Array | null, trailers: readonly string[], socket: Socket): void {
  const { text } = framed;
  if (body === null || framed.body === "none") return void socket.write(text, "latin1");
  if (framed.body !== "chunked" && body.byteLength <= worthAWrite) {
    const all = Buffer.allocUnsafe(text.length + body.byteLength);
    all.write(text, 0, "latin1");
    all.set(body, text.length);
    return void socket.write(all);
  }
  socket.cork();
  writeText(text, socket);
  if (body.byteLength > 0) writePart(framed, body, socket);
  writeEnd(framed, trailers, socket);
  socket.uncork();
}

const lineEnd = Buffer.from("\r\n");

/** Text beside bytes: written as a text, it would have Node copy them all. */
const writeText = (text: string, socket: Socket) => void socket.write(Buffer.from(text, "latin1"));

/** Gives back whether the socket takes more at once. @param release may be called when the bytes are not needed any more */
function writePart({ body }: AnswerHead, bytes: Uint8Array, socket: Socket, release?: () => void): boolean {
  if (bytes.byteLength === 0) return true; // an empty chunk would be the last
  if (body !== "chunked") return socket.write(bytes, release);
  socket.cork();
  writeText(`${bytes.byteLength.toString(16)}\r\n`, socket);
  socket.write(bytes, release);
  const more = socket.write(lineEnd);
  socket.uncork();
  return more;
}

function writeEnd({ body }: AnswerHead, trailers: readonly string[], socket: Socket): void {
  if (body !== "chunked") return;
  let text = "0\r\n";
  for (let index = 0; index < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`;
  socket.write(`${text}\r\n`, "latin1");
}

/** Whether something has come already: the next tick comes when all that is ready now has run. */
function isSettled(promise: unknown): Promise<boolean> {
  const yes = Promise.resolve(promise).then(() => true, () => true);
  return Promise.race([yes, new Promise<boolean>((resolve) => process.nextTick(resolve, false))]);
}

/** Nobody reads an answer: its backend need not send it. */
export function forget(response: Response): void {
  const body = unseenAnswer(response)?.body;
  if (body === undefined) void response.body?.cancel().catch(() => {});
  else if (body !== null && !(body instanceof Uint8Array)) body.cancel();
}
