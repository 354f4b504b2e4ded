import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http";
import { within } from "./wait.ts";

/** An answer by HTTP/2. */
export interface Http2Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** What the stream was reset with; 0 if it came to its end. */
  readonly code: number;
  /** Statuses of the answers before the answer. */
  readonly interim: readonly number[];
}

export interface Http2Request {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly fields?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** A connection that shares its requests. */
export interface Http2Client {
  readonly session: ClientHttp2Session;
  /** Begins a request; `undefined` as its body: there is none. @param open leaves the body's end to the caller */
  begin(request?: Http2Request, open?: boolean): ClientHttp2Stream;
  ask(request?: Http2Request): Promise<Http2Answer>;
  leave(): void;
}

/** Connects by TLS, and takes only HTTP/2; what certificate is shown is not looked at. */
export async function connectClient(port: number, servername = "localhost"): Promise<Http2Client> {
  const session = connect(`https://127.0.0.1:${port}`, { servername, rejectUnauthorized: false });
  session.on("error", () => {}); // told by the streams
  await within(8000, "an HTTP/2 connection", once(session, "connect"));
  const begin = (
    { method = "GET", path = "/", authority = "balancer.test", fields, body }: Http2Request = {},
    open = false,
  ) => {
    const pseudo = { ":method": method, ":path": path, ":authority": authority, ":scheme": "https" };
    const stream = session.request({ ...pseudo, ...fields }, { endStream: body === undefined && !open });
    if (body !== undefined) stream.end(body);
    return stream;
  };
  return {
    session,
    begin,
    ask: (request) => answerOf(begin(request)),
    leave: () => session.destroy(),
  };
}

/** Waits for a stream's whole answer, also for one that is cut short; an error if there is none. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let head: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined;
  let trailers: IncomingHttpHeaders = {};
  let failure: Error | undefined;
  const interim: number[] = [];
  const chunks: Buffer[] = [];
  stream.on("response", (fields) => (head = fields));
  stream.on("headers", (fields: { ":status"?: number }) => void interim.push(fields[":status"] ?? 0));
  stream.on("trailers", (fields: IncomingHttpHeaders) => (trailers = fields));
  stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
  stream.on("error", (error) => (failure = error));
  if (!stream.destroyed) {
    await within(
      15_000,
      "an answer by HTTP/2",
      new Promise((resolve) => stream.once("close", resolve)),
    );
  }
  if (head === undefined) throw failure ?? new Error(`reset with ${stream.rstCode} before an answer`);
  return {
    status: head[":status"] ?? 0,
    fields: head,
    body: Buffer.concat(chunks),
    trailers,
    code: stream.rstCode ?? 0,
    interim,
  };
}

/** One request on a connection of its own. */
export async function exchangeHttp2(
  port: number,
  request: Http2Request = {},
  servername?: string,
): Promise<Http2Answer> {
  const client = await connectClient(port, servername);
  try {
    return await client.ask(request);
  } finally {
    client.leave();
  }
}
