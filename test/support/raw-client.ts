import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectSecure } from "node:tls";
import { type ByteReader, type ConnectionEnd, readBytes } from "./byte-reader.ts";
import {
  type Field,
  type Framing,
  framingOfResponse,
  type Head,
  message,
  readBody,
  readHead,
  valuesOf,
} from "./http1.ts";
import { within } from "./wait.ts";

/** A response's head as it stood on the wire. */
export interface RawHead extends Head {
  readonly status: number;
  /** Statuses of the interim answers that came before it. */
  readonly interim: readonly number[];
  readonly framing: Framing;
  field(name: string): string | undefined;
  all(name: string): string[];
}

export interface RawResponse extends RawHead {
  /** Without the chunked coding; the content coding is left as it is. */
  readonly body: Buffer;
  /** False when the connection ended before the body did. */
  readonly complete: boolean;
}

/** A client that sends exactly the bytes it is told to. */
export interface RawClient {
  readonly reader: ByteReader;
  readonly localPort: number;
  send(bytes: string | Uint8Array): Promise<void>;
  /** The next response's head, past interim ones; the body is left to be read. */
  head(method?: string): Promise<RawHead>;
  response(method?: string): Promise<RawResponse>;
  readonly ended: Promise<ConnectionEnd>;
  /** Leaves as a browser does: with a FIN, and deaf from then on. */
  leave(): void;
  /** Leaves with a RST. */
  reset(): void;
  /** Reads nothing any more, until it goes on. */
  pause(): void;
  resume(): void;
}

export interface ConnectOptions {
  /** The loopback address to come from: how a test is a trusted proxy or a stranger. */
  readonly from?: string;
  /** Connects by TLS and asks for this name; what is shown then is not looked at. */
  readonly servername?: string;
}

export async function connectRaw(
  port: number,
  { from = "127.0.0.1", servername }: ConnectOptions = {},
): Promise<RawClient> {
  const place = { port, host: "127.0.0.1", localAddress: from, noDelay: true };
  const socket = servername === undefined
    ? connect(place)
    : connectSecure({ ...place, servername, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  await once(socket, servername === undefined ? "connect" : "secureConnect");
  const reader = readBytes(socket);

  const head = async (method = "GET"): Promise<RawHead> => {
    const interim: number[] = [];
    for (;;) {
      const seen = () =>
        `a response's head; so far ${JSON.stringify(reader.received().toString("latin1").slice(0, 300))}`;
      const next = await within(12_000, seen, readHead(reader));
      if (next === undefined) throw new Error(`the connection ended (${await reader.ended}) before ${seen()}`);
      const status = Number(next.start.split(" ")[1]);
      if (status >= 100 && status < 200 && status !== 101) {
        interim.push(status);
        continue;
      }
      return {
        ...next,
        status,
        interim,
        framing: framingOfResponse(next.fields, status, method),
        field: (name) => valuesOf(next.fields, name)[0],
        all: (name) => valuesOf(next.fields, name),
      };
    }
  };

  return {
    reader,
    localPort: socket.localPort ?? 0,
    send: (bytes) =>
      new Promise((resolve) => {
        // An answer may come, and the connection go, before the request is out: the answer is what tells.
        if (socket.destroyed) resolve();
        else socket.write(bytes, () => resolve());
      }),
    head,
    async response(method) {
      const start = await head(method);
      const { bytes, complete } = await readBody(reader, start.framing);
      return { ...start, body: bytes, complete };
    },
    ended: reader.ended,
    leave: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

export interface RequestOptions {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly fields?: readonly Field[];
  readonly body?: string | Uint8Array;
}

/** The bytes of a plain request; a body gets its Content-Length. */
export function requestBytes(
  { method = "GET", target = "/", host = "balancer.test", fields = [], body }: RequestOptions,
): Buffer {
  const length: Field[] = body === undefined ? [] : [["Content-Length", `${Buffer.byteLength(body)}`]];
  return message(`${method} ${target} HTTP/1.1`, [["Host", host], ...fields, ...length], body);
}

/** One request on a connection of its own. */
export async function exchange(port: number, options: RequestOptions & ConnectOptions = {}): Promise<RawResponse> {
  const client = await connectRaw(port, options);
  try {
    // Not awaited: an answer that does not wait for a large body would otherwise never be read.
    void client.send(requestBytes(options));
    return await client.response(options.method);
  } finally {
    client.leave();
  }
}
