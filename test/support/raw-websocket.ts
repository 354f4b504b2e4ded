import { createHash } from "node:crypto";
import type { ByteReader } from "./byte-reader.ts";
import { readBytes } from "./byte-reader.ts";
import { type Frame, frame, type FrameForm, opcode, readFrame } from "./frames.ts";
import type { Field } from "./http1.ts";
import { message } from "./http1.ts";
import type { Arrival, Handler } from "./raw-backend.ts";
import type { RawClient, RawHead, RequestOptions } from "./raw-client.ts";
import { requestBytes } from "./raw-client.ts";
import { within } from "./wait.ts";

/** One side of a WebSocket, frame by frame. */
export interface RawWebSocket {
  readonly reader: ByteReader;
  /** Sends a frame, masked if this is a client. */
  say(code: number, payload?: string | Uint8Array, form?: FrameForm): void;
  write(bytes: Uint8Array): void;
  /** The next frame; an error if the connection ends before it. */
  next(): Promise<Frame>;
  /** The next message, its fragments joined. */
  message(): Promise<Buffer>;
}

const key = "dGhlIHNhbXBsZSBub25jZQ==";

/** The fields of a handshake; others can be put in their places. */
export const handshakeFields = (changes: Readonly<Record<string, string | undefined>> = {}): Field[] =>
  Object.entries({
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...changes,
  }).filter((field): field is [string, string] => field[1] !== undefined);

export interface HandshakeOptions extends Omit<RequestOptions, "fields"> {
  readonly changes?: Readonly<Record<string, string | undefined>>;
  readonly more?: readonly Field[];
}

/** The bytes of a handshake. */
export const handshake = ({ changes, more = [], ...options }: HandshakeOptions = {}): Buffer =>
  requestBytes({ ...options, fields: [...handshakeFields(changes), ...more] });

export const acceptOf = (given: string): string =>
  createHash("sha1").update(`${given}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** Opens a WebSocket over a connection; what is answered has to be a 101 with the right accept. */
export async function openOn(
  client: RawClient,
  options: HandshakeOptions = {},
): Promise<RawWebSocket & { readonly head: RawHead }> {
  await client.send(handshake(options));
  const head = await client.head();
  if (head.status !== 101) throw new Error(`no 101: ${head.bytes.toString()}`);
  const given = options.changes?.["Sec-WebSocket-Key"] ?? key;
  if (head.field("sec-websocket-accept") !== acceptOf(given)) throw new Error(`a wrong accept: ${head.bytes}`);
  return { head, ...side(client.reader, (bytes) => void client.send(bytes), true) };
}

/** What a backend answers to a handshake with. */
export const switching = (arrival: Arrival, more: readonly Field[] = []): Buffer =>
  message("HTTP/1.1 101 Switching Protocols", [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Accept", acceptOf(arrival.field("sec-websocket-key") ?? "")],
    ...more,
  ]);

/** A backend's side, once it has answered with `switching`. */
export function backendSide({ socket }: Arrival): RawWebSocket {
  return side(readBytes(socket), (bytes) => void (socket.destroyed || socket.write(bytes)), false);
}

/** Accepts every handshake, and calls `then` with what follows. */
export const accepting =
  (then: (side: RawWebSocket, arrival: Arrival) => unknown = () => {}, more: readonly Field[] = []): Handler =>
  async (arrival) => {
    const opened = backendSide(arrival);
    arrival.write(switching(arrival, more));
    await then(opened, arrival);
    await new Promise(() => {}); // no further request is to be looked for in what follows
  };

/** Says everything back that it is told, and answers pings and a close as an endpoint does. */
export async function echo(side: RawWebSocket): Promise<void> {
  for (;;) {
    const got = await readFrame(side.reader);
    if (got === undefined) return;
    const { opcode: code, payload, fin } = got;
    if (code === opcode.pong) continue;
    side.say(code === opcode.ping ? opcode.pong : code, payload, { fin });
    if (code === opcode.close) return;
  }
}

function side(reader: ByteReader, write: (bytes: Uint8Array) => void, masked: boolean): RawWebSocket {
  const seen = () => `a frame; so far ${reader.received().subarray(-200).toString("latin1")}`;
  const next = async () => {
    const got = await within(12_000, seen, readFrame(reader));
    if (got === undefined) throw new Error(`the connection ended (${await reader.ended}) before ${seen()}`);
    return got;
  };
  return {
    reader,
    write,
    say: (code, payload = "", form = {}) => write(frame(code, payload, { masked, ...form })),
    next,
    async message() {
      const parts: Buffer[] = [];
      for (;;) {
        const { fin, payload } = await next();
        parts.push(payload);
        if (fin) return Buffer.concat(parts);
      }
    },
  };
}
