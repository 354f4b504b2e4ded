import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** One end of a connection whose other end the test plays. */
export interface FakeSocket {
  readonly socket: Socket;
  /** The other end says something. */
  say(bytes: Uint8Array): void;
  /** The other end ends its half. */
  leave(): void;
  /** The connection breaks. */
  break(): void;
  /** The other end takes nothing any more. */
  stall(): void;
  takeOn(): void;
  /** What the other end was given. */
  taken(): Buffer;
  /** Whether the other end was given the end of it. */
  isEnded(): boolean;
}

/** @param allowHalfOpen as the sockets of an HTTP server are, but those of a client are not */
export function fakeSocket({ allowHalfOpen = false } = {}): FakeSocket {
  const taken: Buffer[] = [];
  let held: (() => void) | undefined;
  let isStalled = false;
  let isEnded = false;
  const duplex = new Duplex({
    allowHalfOpen,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk);
      if (isStalled) held = done;
      else done();
    },
    final(done) {
      isEnded = true;
      done();
    },
  });
  const socket = Object.assign(duplex, { setKeepAlive: () => duplex }) as unknown as Socket;
  return {
    socket,
    say: (bytes) => void duplex.push(bytes),
    leave: () => void duplex.push(null),
    break: () => void duplex.destroy(new Error("reset")),
    stall: () => void (isStalled = true),
    takeOn() {
      isStalled = false;
      held?.();
      held = undefined;
    },
    taken: () => Buffer.concat(taken),
    isEnded: () => isEnded || duplex.destroyed,
  };
}

/** Until what was begun has happened: streams tell in later turns of the event loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
