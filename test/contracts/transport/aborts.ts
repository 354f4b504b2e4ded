import assert from "node:assert/strict";
import { ProxyError } from "../../../src/core/errors.ts";
import { createDeafPort } from "../../support/deaf-port.ts";
import type { RawBackend } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import { breakOf, bytesOf, createCountedBody, createHandBody } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

const gone = (backend: RawBackend, index = 0) => within(3000, "the connection's end", backend.arrivals[index]!.closed);

const requests = [{}, { body: "hello" }, { body: "hello", length: "chunked" }] as const;

/** Bodies in mid-air; too long to be handed over with their head. */
const heads = [
  ["a body of known length", "Content-Length: 1000000\r\n\r\nhello"],
  ["a chunked body", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
] as const;

export const abortCases: readonly TransportCase[] = [
  {
    name: "abort: a client that had left already is client_aborted, and the backend hears nothing whole",
    async run({ backend, send }) {
      const main = await backend();
      for (const request of requests) {
        assert.equal((await send(main, { ...request, left: true }).error()).code, "client_aborted");
      }
      await bytesOf(await send(main, { target: "/next" }).answer);
      assert.deepEqual(main.arrivals.map((arrival) => arrival.target), ["/next"]);
    },
  },
  {
    name: "abort: a client that had left already is client_aborted on a kept connection too",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main).answer);
      assert.equal((await send(main, { left: true }).error()).code, "client_aborted");
    },
  },
  {
    name: "abort: while connecting it is client_aborted at once",
    async run({ send, onEnd }) {
      const deaf = await createDeafPort();
      assert.ok(deaf, "no port here can be kept from accepting");
      onEnd(deaf.close);
      for (const request of requests) {
        const sent = send(deaf, request);
        await new Promise((resolve) => setTimeout(resolve, 50));
        sent.leave();
        assert.equal((await within(1000, "the failure", sent.error())).code, "client_aborted");
      }
    },
  },
  {
    name: "abort: right after the call it is client_aborted",
    async run({ backend, send }) {
      const main = await backend(() => {});
      for (const request of requests) {
        const sent = send(main, request);
        sent.leave();
        assert.equal((await within(2000, "the failure", sent.error())).code, "client_aborted");
      }
      for (const arrival of main.arrivals) await within(2000, "the connection's end", arrival.closed);
    },
  },
  {
    name: "abort: before the head it is client_aborted, and the connection goes",
    async run({ backend, send }) {
      const main = await backend(() => {});
      for (const [index, request] of requests.entries()) {
        const sent = send(main, request);
        await main.arrival(index);
        sent.leave();
        const error = await sent.error();
        assert.deepEqual([error.code, error.reused], ["client_aborted", false]);
        await gone(main, index);
      }
    },
  },
  {
    name: "abort: before the head on a kept connection the connection goes too",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main).answer);
      main.handle(() => {});
      const sent = send(main);
      await main.arrival(1);
      sent.leave();
      assert.equal((await sent.error()).code, "client_aborted");
      await gone(main, 1);
      main.handle((arrival) => arrival.answer(200, [], "next"));
      assert.equal((await bytesOf(await send(main).answer)).toString(), "next");
    },
  },
  {
    name: "abort: during an upload it is client_aborted, the connection goes, and the body never looks whole",
    async run({ backend, send }) {
      const main = await backend();
      for (const [index, length] of ([100, "chunked"] as const).entries()) {
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length });
        body.push("first");
        const arrival = await main.arrival(index);
        sent.leave();
        assert.equal((await sent.error()).code, "client_aborted");
        await gone(main, index);
        assert.equal((await arrival.body()).complete, false);
      }
    },
  },
  {
    name: "abort: during an upload that the backend does not read the connection goes",
    async run({ backend, send }) {
      const main = await backend(({ socket }) => void socket.pause());
      const sent = send(main, { body: createCountedBody(64 * 1024 * 1024).stream, length: 64 * 1024 * 1024 });
      const arrival = await main.arrival(0);
      sent.leave();
      assert.equal((await within(2000, "the failure", sent.error())).code, "client_aborted");
      arrival.socket.resume();
      await gone(main);
    },
  },
  ...heads.flatMap(([what, rest]): TransportCase[] => [
    {
      name: `abort: a client that leaves within ${what} breaks it, onEnd is told, and the connection goes`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => write(`HTTP/1.1 200 OK\r\n${rest}`));
        const sent = send(main);
        const answer = await sent.answer;
        sent.leave();
        await gone(main);
        // Told though nobody reads: whoever counts requests in flight waits for it.
        const { error } = await within(2000, "onEnd", sent.ended());
        assert.ok(error instanceof ProxyError);
        assert.equal(error.code, "client_aborted");
        await breakOf(answer);
        assert.equal(sent.endings().length, 1);
      },
    },
    {
      name: `abort: cancelling ${what} tells onEnd and frees the connection`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => write(`HTTP/1.1 200 OK\r\n${rest}`));
        const sent = send(main);
        await (await sent.answer).body?.cancel("enough");
        await gone(main);
        const { error } = await sent.ended();
        assert.ok(error instanceof ProxyError);
        assert.equal(error.code, "client_aborted");
        assert.equal(sent.endings().length, 1);
        assert.ok(!sent.isListening());
      },
    },
    {
      name: `abort: leaving within ${what} while a read is pending ends that read`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => write(`HTTP/1.1 200 OK\r\n${rest}`));
        const sent = send(main);
        const answer = await sent.answer;
        const broken = breakOf(answer);
        await new Promise((resolve) => setTimeout(resolve, 50));
        sent.leave();
        assert.equal((await broken).bytes, 5);
        await gone(main);
      },
    },
  ]),
  {
    name: "abort: twenty answers cancelled unread leave no connection behind",
    async run({ backend, send }) {
      const main = await backend(({ write }) => {
        write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        write(Buffer.alloc(1_000_000));
      });
      const sents = Array.from({ length: 20 }, () => send(main));
      for (const sent of sents) await (await sent.answer).body?.cancel();
      for (let index = 0; index < 20; index += 1) await gone(main, index);
      for (const sent of sents) assert.equal((await sent.ended()).error instanceof ProxyError, true);
    },
  },
  {
    name: "abort: leaving after the whole answer disturbs nobody",
    async run({ backend, send }) {
      const main = await backend();
      const first = send(main);
      await bytesOf(await first.answer);
      await first.ended();
      main.handle(() => {});
      const second = send(main);
      await main.arrival(1);
      first.leave();
      await main.arrivals[1]!.answer(200, [], "unharmed");
      assert.equal((await bytesOf(await second.answer)).toString(), "unharmed");
    },
  },
  {
    name: "abort: cancelling an answer that had wholly arrived disturbs nobody",
    async run({ backend, send }) {
      const main = await backend();
      const first = send(main);
      const answer = await first.answer;
      await within(500, "the end", first.ended()).catch(() => {}); // where it is told only to who reads, it is not told yet
      main.handle(() => {});
      const second = send(main);
      await main.arrival(1);
      await answer.body?.cancel();
      first.leave();
      await main.arrivals[1]!.answer(200, [], "unharmed");
      assert.equal((await bytesOf(await second.answer)).toString(), "unharmed");
    },
  },
];
