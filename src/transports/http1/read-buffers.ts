import { Buffer } from "node:buffer";

/** The memory that one connection is read into, again and again. */
export interface ReadBuffer {
  /** Where the next read goes; `undefined`: where the last one went. */
  next(): Buffer | undefined;
  /** Part of what was read last is needed for longer. @returns to be called when it is not, at most once */
  lend(): () => void;
}

/** Four times what Node reads at once otherwise: half the work for a large body. What is never written to takes no memory. */
const readBytes = 256 * 1024;
/** What is kept for reads to come, beside what connections hold. */
const spareBuffers = 16;

/**
 * Memory for reads that is used again.
 *
 * Node takes new memory for each read, outside of its heap, and so much of it is a reason to collect garbage several times a second.
 * What is lent and never given back is garbage like any other.
 */
export function createReadBuffers(): () => ReadBuffer {
  const spare: Buffer[] = [];

  return () => {
    let current: { readonly buffer: Buffer; borrowers: number } | undefined;
    return {
      next() {
        if (current?.borrowers === 0) return undefined;
        current = { buffer: spare.pop() ?? Buffer.allocUnsafeSlow(readBytes), borrowers: 0 };
        return current.buffer;
      },
      lend() {
        const lent = current!;
        lent.borrowers++;
        return () => {
          lent.borrowers--;
          if (lent.borrowers === 0 && lent !== current && spare.length < spareBuffers) spare.push(lent.buffer);
        };
      },
    };
  };
}
