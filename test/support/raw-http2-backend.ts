import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { flags, frame, frameTypes, settings } from "./raw-http2.ts";

/** Called for each request: its stream, how to write frames, and the numbers of the request and of its connection, from 0. */
export type StreamHandler = (
  stream: number,
  write: (...frames: readonly Uint8Array[]) => void,
  number: number,
  connection: number,
) => void;

/** A backend that speaks HTTP/2 without TLS, frame by frame. */
export interface RawHttp2Backend {
  readonly url: string;
  /** The types of all frames that came, without those of settings. */
  readonly came: readonly number[];
  close(): void;
}

const preface = 24;

/** Answers with what its handler writes; what a request asks for stays compressed. */
export async function createRawHttp2Backend(handler: StreamHandler, first = settings()): Promise<RawHttp2Backend> {
  const came: number[] = [];
  const sockets = new Set<Socket>();
  let requests = 0;
  let connections = 0;
  const server = createServer((socket) => {
    const connection = connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    const write = (...frames: readonly Uint8Array[]) => void (socket.destroyed || socket.write(Buffer.concat(frames)));
    write(first);
    let rest: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!greeted) {
        if (rest.length < preface) return;
        rest = rest.subarray(preface);
        greeted = true;
      }
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const [type = 0, flag = 0] = rest.subarray(3, 5);
        const stream = rest.readUInt32BE(5);
        rest = rest.subarray(9 + rest.readUIntBE(0, 3));
        if (type !== frameTypes.settings) came.push(type);
        else if ((flag & flags.ack) === 0) write(frame(frameTypes.settings, flags.ack, 0));
        if (type === frameTypes.headers) handler(stream, write, requests++, connection);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    came,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The head of an answer with status 200 and more fields. */
export const headOf = (stream: number, fields: readonly Uint8Array[] = [], flag = 0): Buffer =>
  frame(frameTypes.headers, flags.endHeaders | flag, stream, Buffer.concat([Buffer.from([0x88]), ...fields]));
