import { createDecoder, type Received } from "./decode.ts";
import { closePayload, encodeFrame, type Opcode } from "./encode.ts";
import { opcodes } from "./frame-header.ts";
import type { TunnelEnd } from "./tunnel.ts";
import { whenClosed } from "./when-closed.ts";

/** A backend's WebSocket over its socket, message by message. */
export interface BackendSide {
  /** The next that it has said; `undefined`: nothing more is there yet. */
  next(): Received | undefined;
  /** Reads nothing from it, or goes on. */
  hold(back: boolean): void;
  /** Nothing is sent after a close frame. */
  send(opcode: Opcode, payload: Uint8Array): void;
  /** Bytes that were sent and wait for it. */
  waiting(): number;
  /** Sends a close frame, the last of all. @param code `undefined`: none */
  close(code: number | undefined, reason: string): void;
  /** Ends our half without a close frame. */
  end(): void;
  destroy(): void;
  /** Whether our last word was said. */
  isClosing(): boolean;
  /** That came from it. */
  bytes(): number;
}

export interface BackendEvents {
  onReadable(): void;
  /** It says no more; its connection may still stand. */
  onEnd(): void;
  onClose(): void;
}

/** Nothing is read before `hold(false)`. @param maxMessageBytes of one that it sends */
export function createBackendSide(
  { socket, rest }: TunnelEnd,
  maxMessageBytes: number,
  { onReadable, onEnd, onClose }: BackendEvents,
): BackendSide {
  const decoder = createDecoder(maxMessageBytes);
  let bytes = 0;
  let isClosing = false;

  function read(chunk: Uint8Array): void {
    bytes += chunk.length;
    decoder.push(chunk);
  }

  socket.pause();
  read(rest);
  socket.on("data", (chunk: Uint8Array) => {
    read(chunk);
    onReadable();
  });
  socket.on("error", () => {}); // followed by its close
  socket.once("end", onEnd);
  whenClosed(socket, onClose);

  return {
    next: decoder.next,
    hold: (back) => void (back ? socket.pause() : socket.resume()),
    send(opcode, payload) {
      if (!isClosing && socket.writable) socket.write(encodeFrame(opcode, payload, true));
    },
    waiting: () => socket.writableLength,
    close(code, reason) {
      if (isClosing) return;
      isClosing = true;
      if (socket.writable) socket.write(encodeFrame(opcodes.close, closePayload(code, reason), true));
    },
    end() {
      isClosing = true;
      socket.end();
    },
    destroy() {
      isClosing = true;
      socket.destroy();
    },
    isClosing: () => isClosing,
    bytes: () => bytes,
  };
}
