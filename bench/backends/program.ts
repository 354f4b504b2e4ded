import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { frameLength, payloadOf, unmaskedFrame } from "../load/frames.ts";
import { longAnswers, shortAnswer } from "./nginx.ts";

/**
 * A backend on every place that is named on the command line, as ADDRESS:PORT.
 *
 * It sends WebSocket messages back, which nginx does not do; and where there is no nginx, it answers requests too.
 */
const answers = new Map(
  Object.entries(longAnswers).map((
    [name, bytes],
  ) => [`/${name}`, Buffer.alloc(bytes, "x")]),
);
const short = Buffer.alloc(shortAnswer, "x");

for (const place of process.argv.slice(2)) {
  const [hostname, port] = place.split(":");
  createServer(
    { keepAliveTimeout: 3_600_000, requestTimeout: 0 },
    (request, response) => {
      request.resume();
      const body = answers.get(request.url ?? "") ?? short;
      response.writeHead(200, {
        "content-type": "text/plain",
        "content-length": body.length,
      }).end(body);
    },
  )
    .on("upgrade", echo)
    .listen(Number(port), hostname);
}

/** RFC 6455 §4.2.2 */
const handshakeId = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function echo(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(key + handshakeId).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let rest: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (
      let length = frameLength(rest);
      length !== undefined && rest.length >= length;
      length = frameLength(rest)
    ) {
      const frame = rest.subarray(0, length);
      rest = rest.subarray(length);
      socket.write(unmaskedFrame(frame, payloadOf(frame)));
      // A close frame is answered and the last.
      if ((frame[0]! & 15) === 8) return void socket.end();
    }
  });
}
