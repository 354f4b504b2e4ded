import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { describe, it } from "node:test";
import type { ProxyError } from "../../src/core/errors.ts";
import type { ConnectionLimits } from "../../src/server/connection.ts";
import { createHttp1Server, type Http1Server } from "../../src/server/http1-server.ts";
import { connectRaw, requestBytes } from "../support/raw-client.ts";
import { within } from "../support/wait.ts";
import { type Answering, awaited, createApp, echoTarget, type Heard, kibibyte, limits, plain } from "./serving.ts";

interface Opened {
  readonly http1: Http1Server;
  readonly port: number;
  readonly heard: readonly Heard[];
}

/** A server on a port of the system's choice. */
async function using(
  answering: Answering,
  work: (opened: Opened) => Promise<void>,
  changes: Partial<ConnectionLimits> = {},
): Promise<void> {
  const heard: Heard[] = [];
  const refused: ProxyError[] = [];
  const http1 = createHttp1Server(createApp(answering, heard, refused), { ...limits, ...changes });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, http1.take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work({ http1, port: (server.address() as AddressInfo).port, heard });
  } finally {
    server.close();
    http1.cut();
    await http1.close();
  }
}

const soon = <T>(what: string, promise: Promise<T>) => within(8000, what, promise);

describe("a server", () => {
  it("serves requests on a connection, and says where each is from", () =>
    using(echoTarget, async ({ port, heard }) => {
      const client = await connectRaw(port);
      for (const target of ["/1", "/2", "/3"]) {
        await client.send(requestBytes({ target }));
        assert.equal((await client.response()).body.toString(), target);
      }
      const { address, port: to, secure } = heard[0]!.client;
      assert.deepEqual([address, to, secure], ["127.0.0.1", port, false]);
      client.leave();
    }));

  it("passes large bodies both ways", () =>
    using(async ({ request }) => new Response(request.body), async ({ port }) => {
      const client = await connectRaw(port);
      const body = new Uint8Array(3_000_000).map((_, index) => index * 7);
      void client.send(requestBytes({ method: "POST", body }));
      assert.ok((await client.response()).body.equals(body));
      client.leave();
    }));

  it("loses no answer to a client that goes on sending what nobody wants", () =>
    using(() => plain("no", { status: 413 }), async ({ port }) => {
      const client = await connectRaw(port);
      const body = new Uint8Array(20 * kibibyte * kibibyte);
      void client.send(requestBytes({ method: "POST", body }));
      const response = await client.response();
      assert.deepEqual([response.status, response.body.toString(), response.complete], [413, "no", true]);
      assert.equal(await soon("the end", client.ended), "fin");
      client.leave();
    }));

  it("tells a broken body of HTTP/1.0 by a reset", () => {
    let broken = () => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10));
        broken = () => controller.error(new Error("the backend broke off"));
      },
    });
    return using(() => new Response(body), async ({ port }) => {
      const client = await connectRaw(port);
      await client.send("GET / HTTP/1.0\r\n\r\n");
      await client.head();
      await client.reader.take(10);
      broken();
      assert.equal(await soon("the end", client.ended), "reset");
    });
  });

  it("hears of a client that leaves", () => {
    const left = awaited<void>();
    const asked = awaited<void>();
    return using(({ client }) => {
      client.onLeave(() => left.resolve());
      asked.resolve();
      return new Promise<Response>(() => {});
    }, async ({ port }) => {
      const client = await connectRaw(port);
      await client.send(requestBytes({}));
      await soon("the request", asked.promise);
      client.leave();
      await soon("the news", left.promise);
    });
  });

  it("refuses a head that does not come in time, and ends a connection that stays idle", () =>
    using(echoTarget, async ({ port, heard }) => {
      const slow = await connectRaw(port);
      await slow.send("GET / HTTP/1.1\r\nHost");
      assert.equal((await slow.response()).status, 408);
      assert.equal(await soon("the end of the slow one", slow.ended), "fin");
      slow.leave();
      const silent = await connectRaw(port);
      await soon("the end of the silent one", silent.ended);
      assert.equal(silent.reader.received().length, 0);
      const idle = await connectRaw(port);
      await idle.send(requestBytes({}));
      await idle.response();
      await soon("the end of the idle one", idle.ended);
      assert.equal(heard.length, 1);
    }, { headTimeout: 60, idleTimeout: 60 }));

  it("closes idle connections at once and busy ones after their answers", () => {
    const answer = awaited<Response>();
    const asked = awaited<void>();
    return using(({ raw }) => {
      if (raw.target === "/now") return plain("now");
      asked.resolve();
      return answer.promise;
    }, async ({ http1, port }) => {
      const [fresh, idle, busy] = [await connectRaw(port), await connectRaw(port), await connectRaw(port)];
      await idle.send(requestBytes({ target: "/now" }));
      await idle.response();
      await busy.send(requestBytes({ target: "/late" }));
      await soon("the request", asked.promise);
      let isClosed = false;
      const closed = http1.close().then(() => (isClosed = true));
      await soon("the end of the fresh one", fresh.ended);
      await soon("the end of the idle one", idle.ended);
      assert.equal(isClosed, false);
      answer.resolve(plain("late"));
      const response = await busy.response();
      assert.deepEqual([response.body.toString(), response.field("connection")], ["late", "close"]);
      assert.equal(await soon("the end of the busy one", busy.ended), "fin");
      busy.leave();
      await soon("the close", closed);
    });
  });

  it("closes a connection that it is given while it closes", () => {
    const answer = awaited<Response>();
    const asked = awaited<void>();
    return using(() => {
      asked.resolve();
      return answer.promise;
    }, async ({ http1, port }) => {
      const busy = await connectRaw(port);
      await busy.send(requestBytes({}));
      await soon("the request", asked.promise);
      const closed = http1.close();
      const late = await connectRaw(port);
      await soon("the end of the late one", late.ended);
      answer.resolve(plain(""));
      await busy.response();
      busy.leave();
      await soon("the close", closed);
    });
  });

  it("has nothing to wait for when it has no connection, and can be closed again", () =>
    using(echoTarget, async ({ http1 }) => {
      await soon("the close", http1.close());
      await soon("the next one", http1.close());
    }));

  it("cuts every connection", () =>
    using(() => new Promise<Response>(() => {}), async ({ http1, port, heard }) => {
      const clients = [await connectRaw(port), await connectRaw(port)];
      await clients[0]!.send(requestBytes({}));
      for (let turn = 0; heard.length === 0 && turn < 100_000; turn++) await new Promise((go) => setImmediate(go));
      http1.cut();
      for (const client of clients) await soon("the end", client.ended);
      await soon("the close", http1.close());
    }));
});
