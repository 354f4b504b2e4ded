import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { within } from "./wait.ts";

/** Types of frames (RFC 9113 §6). */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A frame as it goes on the wire (RFC 9113 §4.1). */
export function frame(type: number, flag: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const settings = (values: Readonly<Record<number, number>> = {}): Buffer =>
  frame(
    frameTypes.settings,
    0,
    0,
    Buffer.concat(
      Object.entries(values).map(([id, value]) => {
        const entry = Buffer.alloc(6);
        entry.writeUInt16BE(Number(id));
        entry.writeUInt32BE(value, 2);
        return entry;
      }),
    ),
  );

export const ping = (): Buffer => frame(frameTypes.ping, 0, 0, Buffer.alloc(8));

export const reset = (stream: number, code = 8): Buffer => frame(frameTypes.reset, 0, stream, number32(code));

export const windowUpdate = (stream: number, increment: number): Buffer =>
  frame(frameTypes.windowUpdate, 0, stream, number32(increment));

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A literal field without indexing and without Huffman's code (RFC 7541 §6.2.2). */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = rest >>> 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

export interface RequestHead {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

/** A request's field block. */
export function block({ method = "GET", path = "/", authority = "localhost", fields = [] }: RequestHead = {}): Buffer {
  return Buffer.concat([
    field(":method", method),
    field(":scheme", "https"),
    field(":authority", authority),
    field(":path", path),
    ...fields.map(([name, value]) => field(name, value)),
  ]);
}

/** A whole request without a body. */
export const request = (stream: number, head: RequestHead = {}): Buffer =>
  frame(frameTypes.headers, flags.endStream | flags.endHeaders, stream, block(head));

/** A client that sends exactly the frames it is told to. */
export interface RawHttp2 {
  readonly socket: TLSSocket;
  /** Resolves when the kernel has taken it, or the connection is gone. */
  send(...bytes: readonly Uint8Array[]): Promise<void>;
  /** The frames that came so far. */
  frames(): readonly Frame[];
  /** The first frame, of those that came or will come, that `predicate` takes. */
  frame(predicate: (frame: Frame) => boolean, what: string): Promise<Frame>;
  readonly ended: Promise<void>;
  isEnded(): boolean;
  /** Reads no more. */
  pause(): void;
  leave(): void;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Connects by TLS, takes `h2`, and says the preface with these settings. */
export async function connectHttp2(
  port: number,
  { first = settings(), servername = "localhost" }: { readonly first?: Uint8Array; readonly servername?: string } = {},
): Promise<RawHttp2> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername,
    ALPNProtocols: ["h2"],
    rejectUnauthorized: false, // whom it speaks to is another test's question
  });
  socket.on("error", () => {}); // what attacks end with
  await once(socket, "secureConnect");
  const came: Frame[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const end = new Promise<void>((resolve) =>
    socket.once("close", () => {
      ended = true;
      for (const tell of waiting) tell();
      resolve();
    })
  );
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) break;
      const [type = 0, flag = 0] = rest.subarray(3, 5);
      came.push({ type, flags: flag, stream: rest.readUInt32BE(5), payload: rest.subarray(9, 9 + length) });
      rest = rest.subarray(9 + length);
    }
    for (const tell of waiting) tell();
  });
  const send = async (...bytes: readonly Uint8Array[]) => {
    if (ended || socket.destroyed) return;
    const taken = new Promise<void>((resolve) => socket.write(Buffer.concat(bytes), () => resolve()));
    await Promise.race([taken, end]);
  };
  await send(preface, first);
  return {
    socket,
    send,
    frames: () => came,
    async frame(predicate, what) {
      const found = () => came.find(predicate);
      const arrives = new Promise<void>((resolve) => waiting.add(() => (found() !== undefined || ended) && resolve()));
      for (const tell of waiting) tell();
      await within(8000, what, arrives);
      const one = found();
      if (one === undefined) throw new Error(`the connection ended before ${what}`);
      return one;
    },
    ended: end,
    isEnded: () => ended,
    pause: () => void socket.pause(),
    leave: () => void socket.destroy(),
  };
}
