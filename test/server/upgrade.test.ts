import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import type { TunnelEnd } from "../../src/transports/websocket/tunnel.ts";
import type { Offer } from "../../src/transports/websocket/web-sockets.ts";
import { settled } from "../support/fake-socket.ts";
import { latin1 } from "../transports/http1/reading.ts";
import { answersIn, awaited, head, openLine, plain } from "./serving.ts";

const handshake = head("GET /chat HTTP/1.1\nHost: a.test\nConnection: Upgrade\nUpgrade: websocket");
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const accepting = () => new Response(null, { headers: { "sec-websocket-accept": accept, "x-own": "1" } });

/** A backend that agrees; what becomes of it is seen. */
function agreeTo(offer: Offer | undefined) {
  const seen: { end?: TunnelEnd; refused: number } = { refused: 0 };
  offer!.agreed = {
    head: {
      minor: 1,
      status: 101,
      reason: "Switching Protocols",
      fields: ["Upgrade", "websocket", "Sec-WebSocket-ACCEPT", accept],
      names: ["upgrade", "sec-websocket-accept"],
      connection: "upgrade",
      framing: 0,
      keepAlive: true,
      keepAliveSeconds: undefined,
    },
    accept,
    tunnel: (end) => void (seen.end = end),
    relay: () => assert.fail("bytes are offered, not messages"),
    refuse: () => void seen.refused++,
  };
  return seen;
}

describe("a request for another protocol", () => {
  it("is offered to the app, and no other request is", async () => {
    const line = openLine();
    line.say(head("GET / HTTP/1.1\nHost: a.test"));
    line.say(handshake);
    await settled();
    assert.deepEqual(line.heard.map(({ env }) => env.offer), [undefined, { by: "bytes" }]);
  });

  it("is answered with the backend's 101 in its spelling and the app's fields, and the socket handed over", async () => {
    let backend: ReturnType<typeof agreeTo> | undefined;
    const line = openLine(({ env }) => {
      backend = agreeTo(env.offer);
      return accepting();
    });
    line.say(Buffer.concat([handshake, latin1("ear")]));
    line.say("ly");
    await settled();
    assert.equal(
      line.taken(),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-ACCEPT: ${accept}\r\nx-own: 1\r\n\r\n`,
    );
    assert.equal(backend?.end?.socket, line.socket);
    assert.equal(Buffer.from(backend!.end!.rest).toString(), "early");
    assert.equal(backend?.refused, 0);
  });

  it("leaves the socket alone once it is handed over", async () => {
    let left = 0;
    const line = openLine(({ env, client }) => {
      agreeTo(env.offer);
      client.onLeave(() => void left++);
      return accepting();
    });
    line.say(handshake);
    await settled();
    assert.equal(line.alarms.count(), 0);
    assert.equal(line.socket.isPaused(), true);
    line.more();
    const said: string[] = [];
    line.socket.on("data", (bytes: Buffer) => said.push(bytes.toString()));
    line.socket.resume();
    line.say("GET / HTTP/1.1\r\n\r\n");
    await settled();
    line.connection.close();
    line.leave();
    await settled();
    assert.deepEqual([said.join(""), line.more(), line.heard.length], ["GET / HTTP/1.1\r\n\r\n", "", 1]);
    assert.equal(left, 0);
    assert.equal(line.isEnded(), false);
    line.connection.cut();
    assert.equal(line.socket.destroyed, true);
  });

  it("is begun when the requests in front of it are answered", async () => {
    const first = awaited<Response>();
    let backend: ReturnType<typeof agreeTo> | undefined;
    const line = openLine(({ env, raw }) => {
      if (raw.target === "/1") return first.promise;
      backend = agreeTo(env.offer);
      return accepting();
    });
    line.say(Buffer.concat([head("GET /1 HTTP/1.1\nHost: a.test"), handshake, latin1("early")]));
    await settled();
    assert.equal(backend, undefined);
    first.resolve(plain("first"));
    await settled();
    assert.deepEqual(answersIn(line.taken()).map(({ status }) => status), [200, 101]);
    assert.equal(Buffer.from(backend!.end!.rest).toString(), "early");
  });

  it("that nobody agrees to is answered like any other, and nothing behind it is read as a request", async () => {
    const line = openLine();
    line.say(Buffer.concat([handshake, head("GET /smuggled HTTP/1.1\nHost: a.test")]));
    await settled();
    const [answer, ...more] = answersIn(line.taken());
    assert.deepEqual([answer?.body, answer?.fields.get("connection"), more.length], ["/chat", "close", 0]);
    assert.deepEqual([line.heard.length, line.isEnded()], [1, true]);
  });

  it("that the app answers otherwise is refused to the backend that has agreed", async () => {
    for (
      const answer of [
        () => plain("not today", { status: 403, headers: { "sec-websocket-accept": accept } }),
        () => plain("not today"),
        () => plain("not today", { headers: { "sec-websocket-accept": "another" } }),
      ]
    ) {
      let backend: ReturnType<typeof agreeTo> | undefined;
      const line = openLine(({ env }) => {
        backend = agreeTo(env.offer);
        return answer();
      });
      line.say(handshake);
      await settled();
      assert.deepEqual([backend?.refused, backend?.end], [1, undefined]);
      assert.deepEqual(answersIn(line.taken()).map(({ body }) => body), ["not today"]);
      assert.ok(line.isEnded());
    }
  });

  it("whose client has left is refused to the backend that agrees", async () => {
    for (const way of ["leave", "break"] as const) {
      const answer = awaited<Response>();
      const line = openLine(() => answer.promise);
      line.say(handshake);
      await settled();
      line[way]();
      await settled();
      const backend = agreeTo(line.heard[0]!.env.offer);
      answer.resolve(accepting());
      await settled();
      assert.deepEqual([backend.refused, backend.end, line.taken()], [1, undefined, ""]);
    }
  });
});
