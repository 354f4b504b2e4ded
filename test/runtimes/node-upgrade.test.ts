import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { createLoadBalancer } from "../../src/app/app.ts";
import { parseConfig } from "../../src/core/config.ts";
import { createPorts, listen } from "../../src/runtimes/ports/node.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { opcode } from "../support/frames.ts";
import { createRawBackend } from "../support/raw-backend.ts";
import { connectRaw } from "../support/raw-client.ts";
import { accepting, echo, handshake, openOn } from "../support/raw-websocket.ts";
import { eventually, within } from "../support/wait.ts";

const isNode = !("bun" in process.versions) && !("deno" in process.versions);
const skip = isNode
  ? false
  : "it is Node's server that hands sockets over; the others' are asked by the conformance suite";

/** A balancer behind `middleware`, on a server of Node's, before a backend that says everything back. */
const using = async (
  middleware: MiddlewareHandler | undefined,
  work: (
    parts: Awaited<ReturnType<typeof open>> & { backend: Awaited<ReturnType<typeof createRawBackend>> },
  ) => Promise<void>,
) => {
  const backend = await createRawBackend("main", accepting(echo));
  const opened = await open(backend.url, middleware);
  try {
    await work({ ...opened, backend });
  } finally {
    opened.doors.cut();
    await opened.balancer.webSockets.goAway();
    await backend.close();
    await opened.doors.close();
  }
};

const open = async (url: string, middleware: MiddlewareHandler | undefined) => {
  const ports = { ...createPorts(), store: createMemoryStore() };
  const raw = { listen: { port: 0, hostname: "127.0.0.1" }, pools: { web: { backends: [url], healthCheck: false } } };
  const config = parseConfig(raw, ports.traits);
  const balancer = createLoadBalancer(config, ports);
  const app = new Hono();
  if (middleware !== undefined) app.use(middleware);
  app.route("/", balancer.app);
  const doors = await listen({ ...balancer, fetch: (request, env) => app.fetch(request, env as object) }, config);
  return { balancer, doors, port: doors.ports[0] as number };
};

const none = (count: () => number) =>
  eventually(8000, "nothing in flight", async () => (count() === 0 ? true : undefined));

describe("a WebSocket on Node", { skip }, () => {
  it("is in flight while it is open, and not after", () =>
    using(undefined, async ({ balancer, port }) => {
      const connections = await Promise.all([connectRaw(port), connectRaw(port), connectRaw(port)]);
      for (const connection of connections) await openOn(connection);
      assert.equal(balancer.inFlight(), 3);
      assert.equal(balancer.webSockets.count(), 3);
      connections[0]?.leave();
      connections[1]?.reset();
      await eventually(8000, "one left", async () => (balancer.inFlight() === 1 ? true : undefined));
      connections[2]?.leave();
      await none(balancer.inFlight);
      assert.equal(balancer.webSockets.count(), 0);
    }));

  it("is refused by a middleware with an ordinary answer, and the connection closed", () =>
    using(async (context: Context) => context.text("who are you?", 401), async ({ port, backend }) => {
      const client = await connectRaw(port);
      await client.send(handshake());
      const response = await client.response();
      assert.equal(response.status, 401);
      assert.equal(response.body.toString(), "who are you?");
      assert.equal(await within(8000, "the end", client.ended), "fin");
      assert.equal(backend.arrivals.length, 0);
    }));

  it("is refused by a middleware that comes after the backend has agreed", () =>
    using(
      async (context, next) => {
        await next();
        context.res = new Response("not today", { status: 403 });
      },
      async ({ port, backend, balancer }) => {
        const client = await connectRaw(port);
        await client.send(handshake());
        const response = await client.response();
        assert.equal(response.status, 403);
        assert.equal(response.body.toString(), "not today");
        await within(8000, "the end of the backend's connection", (await backend.arrival(0)).closed);
        await none(balancer.inFlight);
      },
    ));

  it("passes with the fields that a middleware adds, before and after", () =>
    using(
      async (context, next) => {
        context.res.headers.set("x-before", "1");
        await next();
        context.header("x-after", "2");
      },
      async ({ port }) => {
        const connection = await connectRaw(port);
        const client = await openOn(connection);
        assert.equal(client.head.field("x-before"), "1");
        assert.equal(client.head.field("x-after"), "2");
        client.say(opcode.text, "hello");
        assert.equal((await client.message()).toString(), "hello");
        connection.leave();
      },
    ));

  it("leaves nothing behind when its client goes during the handshake", () =>
    using(undefined, async ({ port, backend, balancer }) => {
      backend.handle(() => {});
      for (const leave of ["leave", "reset"] as const) {
        const client = await connectRaw(port);
        await client.send(handshake());
        const arrival = await backend.arrival(leave === "leave" ? 0 : 1);
        client[leave]();
        await within(8000, "the end of the backend's connection", arrival.closed);
      }
      await none(balancer.inFlight);
    }));

  it("passes what the client says before it may", () =>
    using(undefined, async ({ port }) => {
      const connection = await connectRaw(port);
      await connection.send(Buffer.concat([handshake(), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])]));
      assert.equal((await connection.head()).status, 101);
      assert.equal((await connection.reader.take(4)).toString("latin1"), "\x81\x02hi");
      connection.leave();
    }));

  it("is begun when the request in front of it has been answered", () =>
    using(undefined, async ({ port, backend, balancer }) => {
      let first: (() => void) | undefined;
      backend.handle((arrival) => {
        backend.handle(accepting(echo));
        return new Promise<void>((resolve) => {
          first = () => {
            arrival.answer(200, [], "first");
            resolve();
          };
        });
      });
      const client = await connectRaw(port);
      await client.send(Buffer.concat([Buffer.from("GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n"), handshake()]));
      await eventually(8000, "the first", async () => first);
      assert.equal(balancer.inFlight(), 1);
      first!();
      assert.equal((await client.response()).body.toString(), "first");
      assert.equal((await client.head()).status, 101);
      client.leave();
      await none(balancer.inFlight);
    }));
});
