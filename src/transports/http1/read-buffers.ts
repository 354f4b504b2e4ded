import { Buffer } from "node:buffer";

/** The memory that one connection is read into, again and again. */
export interface ReadBuffer {
  /** Where the next read goes: where the last one went, unless that is lent. */
  next(): Buffer;
  /** A read filled all that there was: there may be much to come. */
  grow(): void;
  /** Part of what was read last is needed for longer. @returns to be called when it is not, at most once */
  lend(): () => void;
  /** Nothing is read any more. */
  end(): void;
}

/** What most answers need, of which a connection holds one as long as it stands. */
const smallBytes = 16 * 1024;
/** Four times what Node reads at once otherwise: half the work for a large body. */
const largeBytes = 256 * 1024;
/** What is kept for reads to come, beside what connections hold. */
const spareBuffers = 16;

interface Memory {
  readonly buffer: Buffer;
  borrowers: number;
}

/**
 * Memory for reads that is used again.
 *
 * Node takes new memory for each read, outside of its heap, and so much of it is a reason to collect garbage several times a second.
 * What is lent and never given back is garbage like any other.
 */
export function createReadBuffers(): () => ReadBuffer {
  const spare: Buffer[] = [];
  const keep = ({ buffer, borrowers }: Memory) => {
    if (borrowers === 0 && buffer.length === largeBytes && spare.length < spareBuffers) spare.push(buffer);
  };
  const newBuffer = (bytes: number) =>
    (bytes === largeBytes ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes);

  return () => {
    let current: Memory | undefined;
    let bytes = smallBytes;
    return {
      next() {
        if (current?.borrowers !== 0 || current.buffer.length < bytes) {
          current = { buffer: newBuffer(bytes), borrowers: 0 };
        }
        return current.buffer;
      },
      grow: () => void (bytes = largeBytes),
      lend() {
        const lent = current!;
        lent.borrowers++;
        return () => {
          lent.borrowers--;
          if (lent !== current) keep(lent);
        };
      },
      end() {
        const last = current;
        current = undefined;
        if (last !== undefined) keep(last);
      },
    };
  };
}
