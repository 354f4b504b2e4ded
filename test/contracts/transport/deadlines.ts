import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ProxyError } from "../../../src/core/errors.ts";
import { within } from "../../support/wait.ts";
import { breakOf, bytesOf, createCountedBody, createHandBody, readerOf } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

const requests = [{}, { body: "hello" }, { body: "hello", length: "chunked" }, { method: "HEAD" }] as const;

export const deadlineCases: readonly TransportCase[] = [
  {
    name: "deadline: a head that does not come in time is http_response_timeout, and the connection goes",
    async run({ backend, send }) {
      const main = await backend(() => {});
      for (const [index, request] of requests.entries()) {
        const startedAt = performance.now();
        const error = await send(main, { ...request, responseMs: 200 }).error();
        const elapsedMs = performance.now() - startedAt;
        assert.deepEqual([error.code, error.reused], ["http_response_timeout", false]);
        assert.ok(elapsedMs > 150 && elapsedMs < 1000, `${elapsedMs} ms`);
        await within(2000, "the connection's end", main.arrivals[index]!.closed);
      }
      assert.equal(main.arrivals.length, requests.length);
    },
  },
  {
    name: "deadline: the response's holds on a kept connection too",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main).answer);
      main.handle(() => {});
      assert.equal((await send(main, { responseMs: 200 }).error()).code, "http_response_timeout");
    },
  },
  {
    name: "deadline: an interim answer does not stop the response's",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 103 Early Hints\r\n\r\n"));
      assert.equal((await send(main, { responseMs: 200 }).error()).code, "http_response_timeout");
    },
  },
  {
    name: "deadline: the response's begins when the request is fully sent, however slow the upload",
    async run({ backend, send }) {
      for (const length of [20, "chunked"] as const) {
        const main = await backend();
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length, responseMs: 200 });
        for (const piece of ["first", "again", "third", "fifth"]) {
          body.push(piece);
          await sleep(150);
        }
        body.end();
        assert.equal((await sent.answer).status, 200);
      }
    },
  },
  {
    name: "deadline: the response's runs after a slow upload as well",
    async run({ backend, send }) {
      for (const length of [10, "chunked"] as const) {
        const main = await backend(() => {});
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length, responseMs: 200 });
        body.push("first");
        await sleep(300);
        const startedAt = performance.now();
        body.push("again");
        await sleep(50); // who counts the bytes need not wait for the end, and must not miss it
        body.end();
        assert.equal((await within(3000, `the deadline, ${length}`, sent.error())).code, "http_response_timeout");
        assert.ok(performance.now() - startedAt < 1000);
      }
    },
  },
  {
    name: "deadline: the response's does not begin when the answer came before the upload's end",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nfirst"));
      const upload = createHandBody();
      const sent = send(main, { body: upload.stream, responseMs: 150 });
      upload.push("first");
      const body = readerOf(await sent.answer);
      assert.equal(await body.text(), "first");
      upload.push("again");
      upload.end();
      await sleep(400);
      main.arrivals[0]!.write("again");
      assert.equal(await body.text(), "again");
      await body.cancel();
    },
  },
  {
    name: "deadline: the response's does not cut a body that takes longer",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"));
      const body = readerOf(await send(main, { responseMs: 150, connectMs: 150 }).answer);
      for (const piece of ["first", "again", "third"]) {
        await sleep(200);
        main.arrivals[0]!.write(piece);
        assert.equal(await body.text(), piece);
      }
      assert.equal(await body.text(), undefined);
    },
  },
  {
    name: "deadline: a body that falls silent breaks, onEnd is told, and the connection goes",
    async run({ backend, send }) {
      for (const field of ["Content-Length: 10", "Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
        const main = await backend(({ write }) =>
          write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n${field.includes("chunked") ? "5\r\nhello\r\n" : "hello"}`)
        );
        const sent = send(main, { idleMs: 200 });
        const answer = await sent.answer;
        const startedAt = performance.now();
        assert.equal((await breakOf(answer)).bytes, 5, field);
        assert.ok(performance.now() - startedAt < 1500, field);
        const { error } = await sent.ended();
        assert.ok(error instanceof ProxyError, field);
        assert.equal(error.code, "http_response_incomplete", field);
        assert.equal(sent.endings().length, 1, field);
        await within(2000, "the connection's end", main.arrivals[0]!.closed);
      }
    },
  },
  {
    name: "deadline: a body that falls silent before its first byte breaks too",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"));
      const sent = send(main, { idleMs: 200 });
      assert.equal((await breakOf(await sent.answer)).bytes, 0);
      assert.ok((await sent.ended()).error instanceof ProxyError);
    },
  },
  {
    name: "deadline: a body that keeps moving is not idle, and 0 is no limit",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"));
      for (const [index, idleMs] of [300, 0].entries()) {
        const body = readerOf(await send(main, { idleMs }).answer);
        for (let turn = 0; turn < 6; turn += 1) {
          await sleep(100);
          main.arrivals[index]!.write("hello");
          assert.equal(await body.text(), "hello");
        }
        assert.equal(await body.text(), undefined);
      }
    },
  },
  {
    name: "deadline: a client that reads slowly does not make the backend idle",
    async run({ backend, send }) {
      const total = 24 * 1024 * 1024;
      const main = await backend(({ write }) => {
        write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        write(Buffer.alloc(total));
      });
      const sent = send(main, { idleMs: 200 });
      const reader = ((await sent.answer).body as ReadableStream<Uint8Array>).getReader();
      let bytes = (await reader.read()).value?.byteLength ?? 0;
      await sleep(1500);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.byteLength;
      }
      assert.equal(bytes, total);
      assert.deepEqual(await sent.ended(), { bytes: total, error: undefined });
    },
  },
  {
    name: "deadline: an upload that the backend stops reading is cut by the time that is left to send it",
    async run({ backend, send }) {
      const main = await backend(({ socket }) => void socket.pause());
      const total = 32 * 1024 * 1024;
      const error = await send(main, { body: createCountedBody(total).stream, length: total, sendMs: 300 }).error();
      assert.equal(error.code, "http_response_timeout");
    },
  },
  {
    name: "deadline: an upload that the backend stops reading is not cut by the response's",
    async run({ backend, send }) {
      const main = await backend(({ socket }) => void socket.pause());
      const total = 32 * 1024 * 1024;
      const sent = send(main, { body: createCountedBody(total).stream, length: total, responseMs: 300 });
      const arrival = await main.arrival(0);
      await sleep(700);
      arrival.socket.resume();
      await arrival.answer(200, [], "ok");
      assert.equal(await (await sent.answer).text(), "ok");
    },
  },
];
