import assert from "node:assert/strict";
import { closing, opcode } from "../../support/frames.ts";
import type { Field } from "../../support/http1.ts";
import { accepting, echo, handshake, openOn, type RawWebSocket, switching } from "../../support/raw-websocket.ts";
import { eventually, within } from "../../support/wait.ts";
import { startMounted } from "../balancer.ts";
import type { ConformanceCase } from "../case.ts";
import { joined, sockets } from "../joined.ts";
import { withTls } from "../secured.ts";

const endOfHead = "workerd joins the sockets itself: nobody is told when they end";

export const webSocketHandshakeCases: readonly ConformanceCase[] = [
  {
    name: "websocket: the handshake reaches the backend as a request does, and its answer the client",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      const more: Field[] = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["X-Theirs", "caf\xe9"]];
      backends.main.handle(accepting(undefined, more));
      const { head } = await openOn(await connect(), { target: "/chat?room=1", more: [["Origin", "http://a.test"]] });
      const arrival = await backends.main.arrival(0);
      assert.equal(arrival.method, "GET");
      assert.equal(arrival.target, "/chat?room=1");
      assert.match(arrival.field("upgrade") ?? "", /^websocket$/i);
      assert.match(arrival.field("connection") ?? "", /^upgrade$/i);
      assert.equal(arrival.field("sec-websocket-version"), "13");
      assert.equal(arrival.field("origin"), "http://a.test");
      assert.equal(arrival.field("x-forwarded-for"), "127.0.0.1");
      assert.equal(arrival.field("x-forwarded-host"), "balancer.test");
      assert.match(arrival.field("via") ?? "", /roundabout/);
      assert.ok(arrival.field("x-request-id"));
      assert.equal(arrival.field("content-length"), undefined);
      assert.match(head.field("upgrade") ?? "", /^websocket$/i);
      assert.match(head.field("connection") ?? "", /^upgrade$/i);
      assert.deepEqual(head.all("set-cookie"), ["a=1", "b=2"]);
      assert.equal(head.field("x-theirs"), "caf\xe9");
      assert.equal(head.field("x-route"), "web");
      for (const name of ["sec-websocket-protocol", "sec-websocket-extensions", "content-length"]) {
        assert.equal(head.field(name), undefined, name);
      }
      for (const name of ["upgrade", "connection", "sec-websocket-accept"]) {
        assert.equal(head.all(name).length, 1, name);
      }
    },
  },
  ...["a,b", "a, b", "b"].map((asked): ConformanceCase => ({
    name: `websocket: of the subprotocols "${asked}" the backend's choice is the client's`,
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(accepting(undefined, [["Sec-WebSocket-Protocol", "b"]]));
      const { head } = await openOn(await connect(), { changes: { "Sec-WebSocket-Protocol": asked } });
      assert.deepEqual(head.all("sec-websocket-protocol"), ["b"]);
      assert.equal((await backends.main.arrival(0)).all("sec-websocket-protocol").join(), asked);
    },
  })),
  {
    name: "websocket: where the backend chooses no subprotocol, nobody does",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(accepting());
      const { head } = await openOn(await connect(), { changes: { "Sec-WebSocket-Protocol": "a, b" } });
      assert.deepEqual(head.all("sec-websocket-protocol"), []);
    },
  },
  {
    name: "websocket: extensions are the ends' own matter",
    gaps: { workers: "workerd speaks permessage-deflate with each side by itself" },
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      const extension = "x-private; a=1";
      const { promise, resolve } = Promise.withResolvers<RawWebSocket>();
      backends.main.handle(accepting(resolve, [["Sec-WebSocket-Extensions", extension]]));
      const client = await openOn(await connect(), { changes: { "Sec-WebSocket-Extensions": extension } });
      const backend = await promise;
      assert.equal((await backends.main.arrival(0)).field("sec-websocket-extensions"), extension);
      assert.equal(client.head.field("sec-websocket-extensions"), extension);
      client.say(opcode.text, "squeezed", { reserved: 4 });
      assert.equal((await backend.next()).reserved, 4);
    },
  },
  {
    name: "websocket: a refused handshake is the backend's answer as it came",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      for (const status of [403, 200, 302, 401, 426]) {
        backends.main.handle((arrival) =>
          arrival.answer(status, [["x-why", "not you"], ["location", "/elsewhere"], ["content-type", "text/x"]], "no!")
        );
        const client = await connect();
        await client.send(handshake());
        const response = await client.response();
        assert.equal(response.status, status);
        assert.equal(response.field("x-why"), "not you");
        assert.equal(response.field("location"), "/elsewhere");
        assert.equal(response.body.toString(), "no!");
        assert.equal(response.complete, true);
      }
      assert.equal(backends.main.arrivals.length, 5);
    },
  },
  {
    name: "websocket: a refusal keeps the order and the spelling of its fields",
    only: withTls,
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle((arrival) =>
        arrival.write("HTTP/1.1 403 Not You\r\nX-Second: 2\r\nX-FIRST: 1\r\nContent-Length: 3\r\n\r\nno!")
      );
      const client = await connect();
      await client.send(handshake({ host: "short.test" }));
      const { fields, body } = await client.response();
      assert.deepEqual(fields.slice(0, 3), [["X-Second", "2"], ["X-FIRST", "1"], ["Content-Length", "3"]]);
      assert.equal(body.toString(), "no!");
    },
  },
  {
    name: "websocket: a long refusal streams through",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(async (arrival) => {
        arrival.write("HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n");
        for (let count = 0; count < 64; count++) arrival.write(`4000\r\n${"x".repeat(0x4000)}\r\n`);
        arrival.write("0\r\n\r\n");
      });
      const client = await connect();
      await client.send(handshake());
      const response = await client.response();
      assert.equal(response.status, 404);
      assert.equal(response.body.length, 64 * 0x4000);
    },
  },
  {
    name: "websocket: a 101 with a wrong accept, or to something else, is a 502",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      const wrong: Field[][] = [
        [["Upgrade", "websocket"], ["Connection", "Upgrade"], ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="]],
        [["Upgrade", "websocket"], ["Connection", "Upgrade"]],
      ];
      for (const fields of wrong) {
        backends.main.handle((arrival) => {
          const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
          arrival.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
        });
        const client = await connect();
        await client.send(handshake());
        assert.equal((await client.response()).status, 502, JSON.stringify(fields));
      }
      backends.main.handle((arrival) =>
        arrival.write(
          switching(arrival).toString("latin1").replace("Upgrade: websocket", "Upgrade: h2c"),
        )
      );
      const client = await connect();
      await client.send(handshake());
      assert.equal((await client.response()).status, 502);
    },
  },
  {
    name: "websocket: a backend that refuses the connection, or answers 503, leaves it to the next",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(accepting(echo));
      backends.other.handle((arrival) => arrival.answer(503, [], "busy"));
      const first = await openOn(await connect(), { host: "pair.test" });
      first.say(opcode.text, "to the second backend");
      assert.equal((await first.message()).toString(), "to the second backend");
      assert.equal(backends.other.arrivals.length, 1);
      await backends.other.refuse();
      for (let count = 0; count < 2; count++) {
        const client = await openOn(await connect(), { host: "pair.test" });
        client.say(opcode.text, "hello");
        assert.equal((await client.message()).toString(), "hello");
      }
      assert.equal(backends.main.arrivals.length, 3);
    },
  },
  {
    name: "websocket: a handshake that is not answered is a 504, and a quiet socket is never cut",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(() => {});
      const waiting = await connect();
      await waiting.send(handshake({ host: "short.test" }));
      assert.equal((await waiting.response()).status, 504);
      backends.main.handle(accepting(echo));
      const client = await openOn(await connect(), { host: "short.test" });
      // Longer than all that this pool waits for: that nothing happens has no other mark than time.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      client.say(opcode.text, "still there");
      assert.equal((await client.message()).toString(), "still there");
    },
  },
  {
    name: "websocket: a client that leaves during the handshake leaves no connection behind",
    gaps: { workers: "a client that leaves before the head is not always noticed on Workers" },
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(() => {});
      const client = await connect();
      await client.send(handshake());
      const arrival = await backends.main.arrival(0);
      client.leave();
      await within(8000, "the end of the backend's connection", arrival.closed);
    },
  },
  {
    name: "websocket: in flight until it ends, and then a line in the log with 101",
    gaps: { workers: endOfHead },
    async run(context) {
      const { client, backend, connection, balancer } = await joined(context);
      const lines = () => balancer.logs().filter(({ status }) => status === 101);
      const before = lines().length;
      backend.say(opcode.text, "hello");
      await client.message();
      assert.equal(lines().length, before);
      client.say(opcode.close, closing(1000));
      await backend.next();
      backend.say(opcode.close, closing(1000));
      await client.next();
      connection.leave();
      await eventually(8000, "the line", async () => (lines().length > before ? true : undefined));
      const line = lines().at(-1);
      assert.equal(line?.["method"], "GET");
      assert.equal(line?.["error"], undefined);
      assert.ok(Number(line?.["bytes"]) >= 7);
      assert.ok(Number(line?.["totalMs"]) >= Number(line?.["headMs"]));
    },
  },
  ...([
    ["h2c", { Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings" }, 501],
    ["websocket and h2c", { Upgrade: "websocket, h2c" }, 501],
    ["a made up protocol", { Upgrade: "websockets" }, 501],
    ["no key", { "Sec-WebSocket-Key": undefined }, 400],
    ["a short key", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZQ==" }, 400],
    ["no version", { "Sec-WebSocket-Version": undefined }, 400],
    ["version 8", { "Sec-WebSocket-Version": "8" }, 426],
  ] as const).map(([what, changes, status]): ConformanceCase => ({
    name: `websocket: a handshake with ${what} is a ${status}`,
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      const client = await connect();
      await client.send(handshake({ changes }));
      const response = await client.response();
      assert.equal(response.status, status);
      if (status === 426) assert.equal(response.field("sec-websocket-version"), "13");
      assert.equal(backends.main.arrivals.length, 0);
    },
  })),
  {
    name: "websocket: a handshake with a body, or by POST, is a 400",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      for (const options of [{ body: "body" }, { method: "POST" }, { method: "POST", body: "body" }]) {
        const client = await connect();
        await client.send(handshake(options));
        assert.equal((await client.response()).status, 400, JSON.stringify(options));
      }
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
  {
    name: "websocket: Upgrade without Connection: upgrade is a plain request",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      const client = await connect();
      await client.send(handshake({ changes: { Connection: undefined } }));
      assert.equal((await client.response()).body.toString(), "main");
      assert.equal((await backends.main.arrival(0)).field("upgrade"), undefined);
    },
  },
  {
    name: "websocket: in somebody's own app on somebody's own server it is a 501 that says what it needs",
    gaps: { workers: "nothing is needed on Workers: see the next case" },
    async run(context) {
      const backend = await context.backend("main", accepting(echo));
      const app = await startMounted(context.runtime, backend.url);
      context.onEnd(() => app.process.end());
      const client = await context.connect(app.port);
      await client.send(handshake());
      const response = await client.response();
      assert.equal(response.status, 501);
      assert.match(response.body.toString(), /roundabout serve/);
      assert.equal(backend.arrivals.length, 0);
    },
  },
  {
    name: "websocket: in somebody's own Worker it passes, behind their middleware",
    only: ["workers"],
    async run(context) {
      const backend = await context.backend("main", accepting(echo));
      const app = await startMounted(context.runtime, backend.url);
      context.onEnd(() => app.process.end());
      const client = await openOn(await context.connect(app.port), { target: "/path/socket" });
      client.say(opcode.text, "hello");
      assert.equal((await client.message()).toString(), "hello");
      assert.equal((await backend.arrival(0)).target, "/changed/socket");
    },
  },
];
