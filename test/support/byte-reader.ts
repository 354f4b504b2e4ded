import type { Socket } from "node:net";

/** How the other side ended its half of a connection: in order, or broken off. */
export type ConnectionEnd = "fin" | "reset";

/** The bytes of one connection, taken in pieces of the reader's choosing; whatever was taken stays in `received`. */
export interface ByteReader {
  /** Up to and with `marker`; `undefined` when the connection ends before it came. */
  until(marker: string): Promise<Buffer | undefined>;
  /** Exactly `length` bytes, or fewer when the connection ends before. */
  take(length: number): Promise<Buffer>;
  /** Everything until the connection ends. */
  rest(): Promise<Buffer>;
  /** Every byte that came so far, also those not taken yet. */
  received(): Buffer;
  readonly ended: Promise<ConnectionEnd>;
}

export function readBytes(socket: Socket): ByteReader {
  const all: Buffer[] = [];
  const waiting: Buffer[] = [];
  let end: ConnectionEnd | undefined;
  let wake = () => {};
  let tellEnd = (_end: ConnectionEnd) => {};
  const ended = new Promise<ConnectionEnd>((resolve) => (tellEnd = resolve));

  const finish = (how: ConnectionEnd) => {
    end ??= how;
    tellEnd(end);
    wake();
  };
  socket.on("data", (chunk: Buffer) => {
    all.push(chunk);
    waiting.push(chunk);
    wake();
  });
  socket.on("end", () => finish("fin"));
  socket.on("error", () => finish("reset"));
  socket.on("close", () => finish("reset"));

  const more = () => new Promise<void>((resolve) => (wake = resolve));

  const until = async (marker: string): Promise<Buffer | undefined> => {
    for (;;) {
      const first = waiting[0];
      const at = first?.indexOf(marker) ?? -1;
      if (first !== undefined && at >= 0) {
        const stop = at + marker.length;
        if (stop === first.length) waiting.shift();
        else waiting[0] = first.subarray(stop);
        return first.subarray(0, stop);
      }
      // Joined two by two: a search through one buffer of everything would be quadratic in a large body's chunks.
      if (waiting.length > 1) waiting.splice(0, 2, Buffer.concat(waiting.slice(0, 2)));
      else if (end !== undefined) return undefined;
      else await more();
    }
  };

  const take = async (length: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const first = waiting[0];
      if (first === undefined) {
        if (end !== undefined) break;
        await more();
        continue;
      }
      if (first.length <= missing) waiting.shift();
      else waiting[0] = first.subarray(missing);
      const part = first.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  };

  return { until, take, rest: () => take(Number.POSITIVE_INFINITY), received: () => Buffer.concat(all), ended };
}
