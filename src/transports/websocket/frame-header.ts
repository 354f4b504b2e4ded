/** What stands before a frame's payload (RFC 6455 §5.2). */
export interface FrameHeader {
  readonly fin: boolean;
  /** The three reserved bits. */
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** Of the payload; not exact beyond 2^53. */
  readonly length: number;
  /** Whether the length is written in as few bytes as it can be, and below 2^63. */
  readonly isMinimal: boolean;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Collects a header's bytes, in whatever pieces they come. */
export interface HeaderReader {
  /** Takes bytes from `at` on and gives back where it stopped; the header is whole when `header()` gives one. */
  take(bytes: Uint8Array, at: number): number;
  header(): FrameHeader | undefined;
  /** Begins the next one. */
  reset(): void;
}

export function createHeaderReader(): HeaderReader {
  const kept = new Uint8Array(14);
  const view = new DataView(kept.buffer);
  let filled = 0;
  let needed = 2;

  return {
    take(bytes, at) {
      while (filled < needed && at < bytes.length) {
        kept[filled++] = bytes[at++]!;
        if (filled === 2) needed = sizeOf(kept[1]!);
      }
      return at;
    },
    header() {
      if (filled < needed) return undefined;
      const short = kept[1]! & 0x7f;
      const isLong = short === 127;
      const length = isLong ? Number(view.getBigUint64(2)) : short === 126 ? view.getUint16(2) : short;
      return {
        fin: kept[0]! >= 0x80,
        reserved: (kept[0]! >> 4) & 7,
        opcode: kept[0]! & 15,
        masked: kept[1]! >= 0x80,
        length,
        isMinimal: isLong ? length > 0xffff && kept[2]! < 0x80 : short !== 126 || length > 125,
      };
    },
    reset() {
      filled = 0;
      needed = 2;
    },
  };
}

/** Bytes of a header, by its second one. */
function sizeOf(second: number): number {
  const short = second & 0x7f;
  return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + (second >= 0x80 ? 4 : 0);
}
