import type { Socket } from "node:net";
import timers from "node:timers";
import { ProxyError } from "../../core/errors.ts";
import { closePayload, encodeFrame } from "./encode.ts";
import { opcodes } from "./frame-header.ts";
import { createFrameTracker, type FrameTracker } from "./frame-tracker.ts";
import type { Session } from "./sessions.ts";
import { whenClosed } from "./when-closed.ts";

/** A socket, and what was read from it before it became a tunnel's end. */
export interface TunnelEnd {
  readonly socket: Socket;
  readonly rest: Uint8Array;
}

/** How long one side may still speak, once the other has ended its half and all that it said was taken. */
const lingerMs = 5_000;
/** A peer that vanished without a word is found by probes of the system's, which a quiet one answers. */
const keepAliveMs = 60_000;

/**
 * Joins two sockets: every byte goes to the other side, at the pace at which that one takes it.
 *
 * @param onEnd called once when both are closed, with the bytes that went to the client; `error`: who broke off without a close frame
 */
export function tunnel(
  client: TunnelEnd,
  backend: TunnelEnd,
  onEnd: (bytes: number, error?: ProxyError) => void,
): Session {
  let broken: ProxyError | undefined;
  let linger: ReturnType<typeof setTimeout> | undefined;
  let standing = 2;

  const outward = direction(backend, client.socket, false, () => endedBy("http_response_incomplete"));
  const inward = direction(client, backend.socket, true, () => endedBy("client_aborted"));
  const saidGoodbye = () => outward.tracker.sawClose() || inward.tracker.sawClose() || outward.isAway();

  function endedBy(code: "http_response_incomplete" | "client_aborted"): void {
    if (linger !== undefined) return;
    if (!saidGoodbye()) broken = new ProxyError(code);
    linger = timers.setTimeout(cut, lingerMs).unref();
  }

  function cut(): void {
    client.socket.destroy();
    backend.socket.destroy();
  }

  function gone(): void {
    if (--standing > 0) return;
    clearTimeout(linger);
    onEnd(outward.bytes(), broken);
  }

  for (const { socket } of [client, backend]) {
    socket.allowHalfOpen = true; // a side that has ended its half may be waiting for the other's close frame
    socket.setKeepAlive(true, keepAliveMs);
    whenClosed(socket, gone);
  }
  outward.start(inward);
  inward.start(outward);
  return {
    goAway() {
      outward.goAway();
      inward.goAway();
    },
    cut,
  };
}

/** One direction of a tunnel. */
interface Direction {
  readonly tracker: FrameTracker;
  /** Bytes that have passed. */
  bytes(): number;
  /** Whether our own close frame has gone where this leads, or will. */
  isAway(): boolean;
  start(back: Direction): void;
  /** Lets nothing pass any more but what is left of a frame, and a close frame. */
  goAway(): void;
  /** Ends the connection where this leads, once both close frames have gone over it. */
  endIfAnswered(): void;
}

/**
 * @param masked as every frame is that goes to a server (RFC 6455 §5.1)
 * @param onEnd called when `from` says no more, and `to` has been given everything
 */
function direction({ socket: from, rest }: TunnelEnd, to: Socket, masked: boolean, onEnd: () => void): Direction {
  const tracker = createFrameTracker();
  let bytes = 0;
  let state: "open" | "leaving" | "away" = "open";
  let back: Direction | undefined;
  let hasEnded = false;

  function write(chunk: Uint8Array): void {
    if (chunk.length === 0 || !to.writable) return;
    bytes += chunk.length;
    if (!to.write(chunk)) from.pause();
  }

  function say(): void {
    state = "away";
    write(encodeFrame(opcodes.close, closePayload(1001, ""), masked));
    endIfAnswered();
  }

  function endIfAnswered(): void {
    if (state === "away" && back?.tracker.sawClose()) to.end();
  }

  function end(): void {
    if (hasEnded) return;
    hasEnded = true;
    if (to.writable) to.end(onEnd);
    else onEnd();
  }

  function pass(chunk: Uint8Array): void {
    const closedBefore = tracker.sawClose();
    const boundary = tracker.pass(chunk);
    if (state === "open" || (state === "leaving" && (closedBefore || boundary < 0))) return write(chunk);
    if (state === "away") return;
    // The frame that was passing is let through to its end; ours is the last one.
    write(chunk.subarray(0, boundary));
    say();
  }

  return {
    tracker,
    bytes: () => bytes,
    isAway: () => state !== "open",
    start(other) {
      back = other;
      from.on("data", (chunk: Uint8Array) => {
        pass(chunk);
        other.endIfAnswered();
      });
      to.on("drain", () => from.resume());
      whenClosed(to, () => from.resume()); // to hear how it ends
      from.on("error", () => {}); // followed by its close
      from.once("end", end);
      whenClosed(from, end);
      pass(rest);
      from.resume();
    },
    goAway() {
      if (state !== "open") return;
      state = "leaving";
      if (tracker.isBetween() && !tracker.sawClose()) say();
    },
    endIfAnswered,
  };
}
