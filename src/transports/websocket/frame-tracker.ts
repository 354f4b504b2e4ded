import { createHeaderReader, opcodes } from "./frame-header.ts";

/** Follows the frames of one direction by their headers alone: payloads are passed over. */
export interface FrameTracker {
  /** Goes over `bytes`; gives back where between them a frame has ended first, 0 if none had begun before them, or -1. */
  pass(bytes: Uint8Array): number;
  /** Whether every frame that began has ended. */
  isBetween(): boolean;
  /** Whether a close frame has begun to pass. */
  sawClose(): boolean;
}

export function createFrameTracker(): FrameTracker {
  const reader = createHeaderReader();
  let between = true;
  let left = 0; // of the payload
  let closing = false;

  function pass(bytes: Uint8Array): number {
    let first = between ? 0 : -1;
    let at = 0;
    while (at < bytes.length) {
      between = false;
      if (left > 0) {
        const step = Math.min(left, bytes.length - at);
        left -= step;
        at += step;
      } else {
        at = reader.take(bytes, at);
        const header = reader.header();
        if (header === undefined) return first;
        reader.reset();
        left = header.length;
        if (header.opcode === opcodes.close) closing = true;
      }
      if (left > 0) continue;
      between = true;
      if (first < 0) first = at;
    }
    return first;
  }

  return { pass, isBetween: () => between, sawClose: () => closing };
}
