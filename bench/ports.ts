import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Below the ports that outgoing connections take by themselves, or a bench's own traffic would be in its way. */
const first = 20_000;
const last = 32_000;
let next = first + Math.floor(Math.random() * (last - first));

/** A port that nobody listens on, and that is not given out a second time soon. */
export async function freePort(): Promise<number> {
  for (;;) {
    next = next >= last ? first : next + 1;
    if (await isFree(next)) return next;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}

/** Resolves when somebody listens there; `undefined` when `isWorthWaiting` says no. */
export async function listening(
  port: number,
  isWorthWaiting: () => boolean,
): Promise<true | undefined> {
  while (isWorthWaiting()) {
    const socket = connect(port, "127.0.0.1");
    const connected = await Promise.race([
      once(socket, "connect").then(() => true, () => false),
      sleep(1000, false),
    ]);
    socket.destroy();
    if (connected) return true;
    await sleep(30);
  }
  return undefined;
}
