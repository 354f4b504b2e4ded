import { connect, type Socket } from "node:net";
import { runProcess } from "./process.ts";
import { within } from "./wait.ts";

/** A port that neither refuses nor accepts: whoever connects waits. */
export interface DeafPort {
  readonly url: string;
  close(): Promise<void>;
}

// Node accepts whatever the kernel hands over, so the listener is put to sleep, and its queue of one is filled from here.
const listener = `
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    console.log(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });`;

/** @returns `undefined` where the kernel accepts for ever, as some sandboxes do */
export async function createDeafPort(): Promise<DeafPort | undefined> {
  const sleeper = runProcess("node", ["-e", listener], { cwd: ".", env: process.env });
  const sockets: Socket[] = [];
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await sleeper.end();
  };
  const port = Number(await sleeper.waitForLine(() => true, "a port"));
  // Two in a row: a first may wait only because the listener had not fallen asleep yet.
  for (let turn = 0, waiting = 0; turn < 16; turn += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    sockets.push(socket);
    const connected = new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    waiting = await within(200, "a connection", connected).then(
      () => 0,
      () => waiting + 1,
    );
    if (waiting === 2) return { url: `http://127.0.0.1:${port}`, close };
  }
  await close();
  return undefined;
}
