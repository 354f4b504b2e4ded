import { connect, type Socket } from "node:net";
import { frameLength, maskedText, payloadOf } from "./frames.ts";
import type { WebSocketLoad } from "./load.ts";
import { orderFrom, summary } from "./order.ts";

/** A program that sends WebSocket messages to an echo, each connection its next when the last is back: `node websocket.ts ORDER`. */
const { load, place, seconds } = orderFrom<WebSocketLoad>();
const text = "x".repeat(load.messageBytes);
const message = maskedText(text);
const handshake = [
  `GET ${load.path} HTTP/1.1`,
  `Host: 127.0.0.1:${place.port}`,
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

const latencies: number[] = [];
const failures = { read: 0, message: 0 };
let isOver = false;

/** A connection whose handshake is done; what is wrong with the answer, where it is not. */
function open(): Promise<{ socket: Socket; early: Buffer } | string> {
  return new Promise((resolve) => {
    const socket = connect(place.port, "127.0.0.1").setNoDelay();
    let head: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", read);
      const status = head.toString("latin1", 9, 12);
      if (status !== "101") socket.destroy();
      resolve(
        status === "101" ? { socket, early: head.subarray(end + 4) } : `it answered the handshake with ${status}`,
      );
    };
    socket.on("data", read);
    socket.on("error", (error) => resolve(error.message));
    socket.on(
      "close",
      () => resolve("it closed the connection in the place of a handshake"),
    );
    socket.setTimeout(5000, () => resolve("it did not answer the handshake"));
    socket.write(handshake);
  });
}

function pingPong(socket: Socket, early: Buffer): void {
  let rest = early;
  let sentAt = performance.now();
  let gotBytes = 0;
  const gone = () => {
    if (!isOver) failures.read++;
  };
  socket.setTimeout(0);
  socket.on("close", gone);
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (
      let length = frameLength(rest);
      length !== undefined && rest.length >= length;
      length = frameLength(rest)
    ) {
      gotBytes += payloadOf(rest.subarray(0, length)).length;
      const isLast = (rest[0]! & 0x80) !== 0;
      rest = rest.subarray(length);
      if (!isLast) continue;
      if (gotBytes !== load.messageBytes) failures.message++;
      gotBytes = 0;
      latencies.push(performance.now() - sentAt);
      sentAt = performance.now();
      if (!isOver) socket.write(message);
    }
  });
  socket.write(message);
}

const opened = await Promise.all(
  Array.from({ length: load.connections }, open),
);
const refused = opened.find((result) => typeof result === "string");
if (refused !== undefined) {
  process.stdout.write(`${JSON.stringify({ refused })}\n`);
  process.exit(0);
}
const start = performance.now();
for (const result of opened) {
  if (typeof result !== "string") pingPong(result.socket, result.early);
}
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
isOver = true;
process.stdout.write(
  summary({ latencies, failures, elapsedMs: performance.now() - start }),
);
process.exit(0);
