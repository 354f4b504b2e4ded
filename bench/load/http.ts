import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { connect as connectTls } from "node:tls";
import { answerReader } from "./answer-reader.ts";
import type { HttpLoad, Place } from "./load.ts";
import { orderFrom, summary } from "./order.ts";

/**
 * A program that sends requests: `node http.ts ORDER`, and one line of JSON at the end.
 *
 * With a rate it is an open loop: a request is due when it is due, also while earlier ones are still out, and its latency counts
 * from then on. A closed loop asks the slow less often, and so hides what waiting costs. Without a rate it stands in for wrk.
 */
const { load, place, seconds } = orderFrom<HttpLoad>();
const request = requestOf(load, place);
const closes = load.headers?.["Connection"] === "close";

interface Connection {
  socket: Socket | undefined;
  /** When the request was due that is out; absent: it is free. */
  due: number | undefined;
}

const latencies: number[] = [];
const lateness: number[] = [];
const failures = { connect: 0, read: 0, status: 0, length: 0, timeout: 0 };
const free: Connection[] = [];
const waiting: number[] = [];
let isOver = false;

function open(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const socket = place.tls
      ? connectTls({
        port: place.port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
      })
      : connect(place.port, "127.0.0.1");
    connection.socket = socket.setNoDelay();
    let isOpen = false;
    const fail = () => {
      if (isOver || connection.socket !== socket) return;
      failures[isOpen ? "read" : "connect"]++;
      connection.socket = undefined;
      connection.due = undefined;
      socket.destroy();
      // Not at once: whoever refuses one refuses the next as well.
      setTimeout(
        () =>
          void open(connection).then(
            isOpen ? () => release(connection) : resolve,
          ),
        10,
      );
    };
    socket.once(place.tls ? "secureConnect" : "connect", () => {
      isOpen = true;
      resolve();
    });
    socket.on("error", fail);
    socket.on("close", fail);
    const read = answerReader((status, bytes) => answered(connection, status, bytes));
    socket.on("data", (chunk: Buffer) => {
      try {
        read(chunk);
      } catch {
        fail();
      }
    });
  });
}

function answered(connection: Connection, status: number, bytes: number): void {
  if (status !== 200) failures.status++;
  else if (load.perSecond === undefined && load.answerBytes > bytes) {
    failures.length++;
  }
  if (connection.due !== undefined) {
    latencies.push(performance.now() - connection.due);
  }
  connection.due = undefined;
  if (!closes) return release(connection);
  connection.socket?.destroy();
  connection.socket = undefined;
  if (!isOver) void open(connection).then(() => release(connection));
}

/** Takes the connection for what waits longest. */
function release(connection: Connection): void {
  if (isOver) return;
  const due = load.perSecond === undefined ? performance.now() : waiting.shift();
  if (due === undefined) free.push(connection);
  else send(connection, due);
}

function send(connection: Connection, due: number): void {
  connection.due = due;
  connection.socket?.write(request);
}

function requestOf(
  { method, path, headers = {}, bodyBytes = 0 }: HttpLoad,
  { port }: Place,
): Buffer {
  const fields = {
    Host: `127.0.0.1:${port}`,
    ...headers,
    ...(bodyBytes > 0 && { "Content-Length": String(bodyBytes) }),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${"x".repeat(bodyBytes)}`,
  );
}

/** Looks at the clock all the time: a timer would be late by more than what is measured. Backends go first on this core. */
function arrive(perSecond: number, start: number): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  const every = 1000 / perSecond;
  const count = perSecond * seconds;
  let next = 0;
  return new Promise((resolve) => {
    const look = () => {
      const now = performance.now();
      for (; next < count && start + next * every <= now; next++) {
        const due = start + next * every;
        const connection = free.pop();
        if (connection === undefined) waiting.push(due);
        else {
          lateness.push(now - due);
          send(connection, due);
        }
      }
      const isDone = next === count &&
        latencies.length + failures.read >= count;
      if (isDone || now > start + (seconds + 2) * 1000) resolve();
      else setImmediate(look);
    };
    look();
  });
}

const connections: Connection[] = Array.from(
  { length: load.connections },
  () => ({ socket: undefined, due: undefined }),
);
await Promise.all(connections.map(open));
const start = performance.now();
connections.forEach(release);
if (load.perSecond === undefined) {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
} else await arrive(load.perSecond, start);
const elapsedMs = performance.now() - start;
isOver = true;
if (load.perSecond !== undefined) {
  failures.timeout = waiting.length +
    connections.filter(({ due }) => due !== undefined).length;
}
process.stdout.write(summary({ latencies, lateness, failures, elapsedMs }));
process.exit(0);
