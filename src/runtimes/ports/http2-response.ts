import type { Http2ServerResponse } from "node:http2";
import type { Answer } from "../../transports/http1/exchange.ts";
import { unseenAnswer } from "../../transports/http1/lazy-response.ts";
import { endToEnd } from "../../transports/http1/plain-response.ts";

/** Writes an answer at the pace of the client's stream. */
export async function writeResponse(response: Response, outgoing: Http2ServerResponse): Promise<void> {
  const answer = unseenAnswer(response);
  outgoing.sendDate = false; // what is said of an answer is its backend's matter
  if (answer === undefined) await writeStream(response, outgoing);
  else writeAnswer(answer, outgoing);
}

/** Writes a backend's answer as it came, its fields in their order. */
function writeAnswer({ head, body, trailers }: Answer, outgoing: Http2ServerResponse): void {
  writeHead(outgoing, head.status, endToEnd(head));
  if (body === null) return void outgoing.end();
  if (body instanceof Uint8Array) return endWith(outgoing, trailers, body);
  outgoing.on("drain", () => body.resume());
  body.start({
    data: (bytes, release) => outgoing.write(bytes, release),
    end: (last) => endWith(outgoing, last),
    fail: () => breakOff(outgoing),
  });
}

/** Name, value, name, value: duplicates stay apart; there are no reasons in HTTP/2. */
const writeHead = (outgoing: Http2ServerResponse, status: number, fields: string[]) =>
  outgoing.writeHead(status, fields as unknown as Parameters<Http2ServerResponse["writeHead"]>[1]);

function endWith(outgoing: Http2ServerResponse, trailers: readonly string[], bytes?: Uint8Array): void {
  if (trailers.length > 0) {
    const lines: Record<string, string> = Object.create(null);
    for (let index = 0; index < trailers.length; index += 2) {
      const name = trailers[index]!.toLowerCase();
      lines[name] = name in lines ? `${lines[name]}, ${trailers[index + 1]}` : trailers[index + 1]!;
    }
    outgoing.addTrailers(lines);
  }
  if (bytes === undefined) outgoing.end();
  else outgoing.end(bytes);
}

/** Ends an answer so that the client sees that it is not whole: without an error it would be reset as if nothing were wrong. */
function breakOff(outgoing: Http2ServerResponse): void {
  outgoing.destroy(new Error("the answer is not whole"));
}

/**
 * Writes a Response of which nothing more is known.
 *
 * Hono's adapter would add a content-type where there is none, and encode fields beyond ASCII twice.
 */
async function writeStream(response: Response, outgoing: Http2ServerResponse): Promise<void> {
  writeHead(outgoing, response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  const leave = () => void reader.cancel().catch(() => {});
  outgoing.once("close", leave);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    breakOff(outgoing);
  } finally {
    outgoing.off("close", leave);
  }
}

function drained(outgoing: Http2ServerResponse): Promise<void> {
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
