import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ProxyError } from "../../../src/core/errors.ts";
import { createDeafPort } from "../../support/deaf-port.ts";
import type { TransportCase } from "./case.ts";

const requests = [{}, { body: "hello" }, { body: "hello", length: "chunked" }, { method: "DELETE" }] as const;

export const failureCases: readonly TransportCase[] = [
  {
    name: "connect: a port where nobody listens is connection_refused",
    async run({ backend, send }) {
      const main = await backend();
      await main.refuse();
      for (const request of requests) {
        const error = await send(main, request).error();
        assert.deepEqual([error.code, error.reused], ["connection_refused", false]);
      }
    },
  },
  {
    name: "connect: a backend that went and came back is found again",
    async run({ backend, send }) {
      const main = await backend();
      await (await send(main).answer).text();
      await main.refuse();
      await send(main).error();
      await main.accept();
      assert.equal(await (await send(main).answer).text(), "backend");
    },
  },
  {
    name: "connect: a name that does not exist is dns_error",
    async run({ send }) {
      for (const request of requests) {
        const error = await send({ url: "http://nonexistent.invalid:8080" }, request).error();
        assert.equal(error.code, "dns_error");
      }
    },
  },
  {
    name: "connect: a name is looked up",
    async run({ backend, send }) {
      const main = await backend();
      assert.equal(await (await send({ url: `http://localhost:${main.port}` }).answer).text(), "backend");
      assert.equal(main.arrivals[0]?.field("host"), `localhost:${main.port}`);
    },
  },
  ...([
    ["without a body", [{}, { method: "DELETE" }]],
    ["with a body", [{ body: "hello" }, { body: "hello", length: "chunked" }]],
  ] as const).map(([what, tried]): TransportCase => ({
    name: `connect: a backend that never accepts a request ${what} is connection_timeout`,
    async run({ send, onEnd }) {
      const deaf = await createDeafPort();
      assert.ok(deaf, "no port here can be kept from accepting");
      onEnd(deaf.close);
      for (const request of tried) {
        const startedAt = performance.now();
        const error = await send(deaf, { ...request, connectMs: 250, responseMs: 3000 }).error();
        assert.equal(error.code, "connection_timeout");
        assert.ok(performance.now() - startedAt < 1500);
      }
    },
  })),
  {
    name: "connect: a backend that never accepts fails in time, with a body or without",
    async run({ send, onEnd }) {
      const deaf = await createDeafPort();
      assert.ok(deaf, "no port here can be kept from accepting");
      onEnd(deaf.close);
      for (const request of requests) {
        const error = await send(deaf, { ...request, connectMs: 250, responseMs: 500 }).error();
        assert.ok(["connection_timeout", "http_response_timeout"].includes(error.code), error.code);
      }
    },
  },
  {
    name: "connect: the response's deadline does not run while connecting, nor the other way round",
    async run({ backend, send }) {
      const main = await backend((arrival) => void setTimeout(() => arrival.answer(200, [], "late"), 400));
      assert.equal(await (await send(main, { connectMs: 100, responseMs: 3000 }).answer).text(), "late");
    },
  },
  {
    name: "connect: a port that does not speak TLS is tls_error",
    async run({ send, onEnd }) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
      });
      onEnd(() => server.close());
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as AddressInfo;
      assert.equal((await send({ url: `https://127.0.0.1:${port}` }).error()).code, "tls_error");
    },
  },
  {
    name: "connect: a request that cannot be written is not blamed on the backend",
    async run({ backend, send }) {
      const main = await backend();
      for (const request of [{ target: "/a b" }, { set: [["x-bad", "a\r\nX-Injected: yes"]] as const }]) {
        const failure = await send(main, request).answer.then(() => undefined, (thrown: unknown) => thrown);
        if (failure instanceof ProxyError) assert.equal(failure.code, "proxy_internal_error");
      }
      for (const arrival of main.arrivals) assert.equal(arrival.field("x-injected"), undefined);
    },
  },
];
