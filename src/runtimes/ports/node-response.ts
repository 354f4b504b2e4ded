import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import process from "node:process";
import type { Answer } from "../../transports/http1/exchange.ts";
import { endToEnd } from "../../transports/http1/plain-response.ts";
import type { Offer } from "../../transports/websocket/web-sockets.ts";
import { unseenAnswer } from "./node-answer.ts";

/** What Hono's adapter hands over beside a request. */
export interface NodeEnv {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Of our own server, in front of which nobody can have changed the request: its target, byte for byte. */
  readonly target?: string;
  /** In a request for another protocol. */
  readonly offer?: Offer | undefined;
}

/** Writes an answer at the pace of the client's socket. */
export function writeResponse(response: Response, outgoing: ServerResponse): void | Promise<void> {
  const answer = unseenAnswer(response);
  outgoing.sendDate = false; // what is said of an answer is its backend's matter
  return answer === undefined ? writeStream(response, outgoing) : writeAnswer(answer, outgoing);
}

/** Writes a backend's answer as it came, its fields in their order and spelling. */
function writeAnswer({ head, body, trailers }: Answer, outgoing: ServerResponse): void {
  if (asHttp2(outgoing)) outgoing.writeHead(head.status, endToEnd(head)); // there are no reasons in it
  else outgoing.writeHead(head.status, head.reason, endToEnd(head));
  if (body === null) return void outgoing.end();
  if (body instanceof Uint8Array) return endWith(outgoing, trailers, body);
  let wrote = false;
  outgoing.on("drain", () => body.resume());
  body.start({
    data(bytes, release) {
      wrote = true;
      return outgoing.write(bytes, release);
    },
    end: (last) => endWith(outgoing, last),
    fail: () => breakOff(outgoing),
  });
  if (!wrote) outgoing.flushHeaders();
}

function endWith(outgoing: ServerResponse, trailers: readonly string[], bytes?: Uint8Array): void {
  if (trailers.length > 0) {
    const pairs: [string, string][] = [];
    for (let index = 0; index < trailers.length; index += 2) pairs.push([trailers[index]!, trailers[index + 1]!]);
    outgoing.addTrailers(asHttp2(outgoing) ? Object.fromEntries(pairs) : pairs);
  }
  outgoing.end(bytes);
}

/** Ends an answer so that the client sees that it is not whole: no final chunk, or fewer bytes than announced (RFC 9112 §8). */
function breakOff(outgoing: ServerResponse): void {
  // Without an error a stream would be reset as if nothing were wrong with it, and on Bun end as if it were whole.
  outgoing.destroy(asHttp2(outgoing) && new Error("the answer is not whole"));
}

/** The same answer, where it is one of HTTP/2: the two kinds have what else is used of them in common. */
const asHttp2 = (outgoing: ServerResponse): Http2ServerResponse | undefined =>
  outgoing.req.httpVersionMajor === 1 ? undefined : (outgoing as unknown as Http2ServerResponse);

/**
 * Writes a Response of which nothing more is known.
 *
 * Hono's adapter would add a content-type where there is none, and encode fields beyond ASCII twice.
 */
async function writeStream(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, fieldsOf(response.headers));
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  const leave = () => void reader.cancel().catch(() => {});
  outgoing.once("close", leave);
  try {
    const first = reader.read();
    // A body that came together with its head leaves together with it; else the head does not wait.
    if (!(await isSettled(first))) outgoing.write("", "latin1");
    for (let next = await first; !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    breakOff(outgoing);
  } finally {
    outgoing.off("close", leave);
  }
}

/** Name, value, name, value: duplicates stay apart. */
function fieldsOf(headers: Headers): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) fields.push(name, value);
  return fields;
}

function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const yes = promise.then(() => true, () => true);
  // The next tick comes when all that is ready now has run.
  return Promise.race([yes, new Promise<boolean>((resolve) => process.nextTick(resolve, false))]);
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      outgoing.off("drain", go);
      outgoing.off("close", go);
      resolve();
    };
    outgoing.once("drain", go);
    outgoing.once("close", go);
  });
}
