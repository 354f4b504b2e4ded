import assert from "node:assert/strict";
import { ProxyError } from "../../../src/core/errors.ts";
import type { Arrival } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import { breakOf, bytesOf } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

/** Heads that are no answer. */
// Where there is a body it does not end: a connection that is given up must go, or it waits for the rest.
const malformed: readonly (readonly [what: string, bytes: string])[] = [
  [
    "status 101 that nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ],
  ["status 600", "HTTP/1.1 600 Odd\r\nContent-Length: 1000000\r\n\r\nok"],
  ["status 999", "HTTP/1.1 999 Odd\r\nContent-Length: 1000000\r\n\r\nok"],
  ["status 099", "HTTP/1.1 099 Odd\r\nContent-Length: 1000000\r\n\r\nok"],
  ["status 20", "HTTP/1.1 20 Short\r\nContent-Length: 2\r\n\r\nok"],
  ["status 2000", "HTTP/1.1 2000 Long\r\nContent-Length: 2\r\n\r\nok"],
  ["a TLS record", "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"],
  ["another protocol's greeting", "SSH-2.0-OpenSSH_9.6\r\n\r\n"],
  ["a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a line that is no field", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok"],
  ["a field name with a space", "HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 2\r\n\r\nok"],
  ["a NUL in a field", "HTTP/1.1 200 OK\r\nX-Bad: a\0b\r\nContent-Length: 2\r\n\r\nok"],
  ["a Content-Length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"],
  ["a negative Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"],
  ["two Content-Lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"],
];

/** Ends before the head is whole: nobody knows whether the request was done. */
const cut: readonly (readonly [what: string, act: (arrival: Arrival) => void])[] = [
  ["a reset", ({ socket }) => void socket.resetAndDestroy()],
  ["a FIN", ({ socket }) => void socket.end()],
  ["half a head and a FIN", ({ socket }) => void socket.end("HTTP/1.1 200 OK\r\nX-A: ")],
  [
    "half a head and a reset",
    ({ socket }) => void socket.write("HTTP/1.1 200 OK\r\nX-A: ", () => socket.resetAndDestroy()),
  ],
  ["an interim answer and a FIN", ({ socket }) => void socket.end("HTTP/1.1 103 Early Hints\r\n\r\n")],
];

/** Ends in mid-body. Bodies are too long to be handed over with their head. */
const torn: readonly (readonly [what: string, field: string, act: (arrival: Arrival) => void])[] = [
  ["a FIN before Content-Length is reached", "Content-Length: 1000000", ({ socket }) => void socket.end()],
  [
    "a reset before Content-Length is reached",
    "Content-Length: 1000000",
    ({ socket }) => void socket.resetAndDestroy(),
  ],
  ["a FIN without the last chunk", "Transfer-Encoding: chunked", ({ socket }) => void socket.end()],
  ["a FIN within a chunk", "Transfer-Encoding: chunked", ({ socket }) => void socket.end("ff\r\nshort")],
  ["a reset among chunks", "Transfer-Encoding: chunked", ({ socket }) => void socket.resetAndDestroy()],
  ["a chunk size that is none", "Transfer-Encoding: chunked", ({ write }) => write("xyz\r\nbroken\r\n")],
  ["a chunk longer than its size", "Transfer-Encoding: chunked", ({ write }) => write("3\r\ntoolong\r\n0\r\n\r\n")],
  [
    "a reset of a body that ends with its connection",
    "Connection: close",
    ({ socket }) => void socket.resetAndDestroy(),
  ],
];

export const brokenCases: readonly TransportCase[] = [
  ...malformed.map(
    ([what, bytes]): TransportCase => ({
      name: `broken: ${what} is http_protocol_error`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => write(Buffer.from(bytes, "latin1")));
        const sent = send(main);
        assert.equal((await sent.error()).code, "http_protocol_error");
        await within(3000, "the connection's end", main.arrivals[0]!.closed);
        // Nothing of it is left for whoever comes next.
        main.handle((arrival) => arrival.answer(200, [], "next"));
        assert.equal((await bytesOf(await send(main).answer)).toString(), "next");
      },
    }),
  ),
  {
    name: "broken: a head of more than 64 KiB is http_protocol_error",
    async run({ backend, send }) {
      const main = await backend(({ write }) =>
        write(`HTTP/1.1 200 OK\r\n${`X-Pad: ${"p".repeat(1000)}\r\n`.repeat(200)}\r\n`)
      );
      assert.equal((await send(main).error()).code, "http_protocol_error");
    },
  },
  {
    name: "broken: Content-Length beside chunks is refused, or the length is dropped",
    async run({ backend, send }) {
      const main = await backend(({ write }) =>
        write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
      );
      const sent = send(main);
      const answer = await sent.answer.catch(() => undefined);
      if (answer === undefined) return assert.equal((await sent.error()).code, "http_protocol_error");
      assert.equal(answer.headers.get("content-length"), null);
      assert.equal((await bytesOf(answer)).toString(), "hello");
    },
  },
  {
    name: "broken: status 199 that nothing follows is no answer",
    async run({ backend, send }) {
      const main = await backend(({ write }) => write("HTTP/1.1 199 Odd\r\nContent-Length: 2\r\n\r\nok"));
      const { code } = await send(main, { responseMs: 300 }).error();
      assert.ok(["http_protocol_error", "http_response_timeout"].includes(code), code);
    },
  },
  ...cut.map(
    ([what, act]): TransportCase => ({
      name: `broken: ${what} before the head is connection_terminated, on a new connection not one to blame on age`,
      async run({ backend, send }) {
        const main = await backend(act);
        for (const request of [{}, { body: "hello" }, { method: "HEAD" }]) {
          const error = await send(main, request).error();
          assert.equal(error.code, "connection_terminated");
          assert.equal(error.reused, false);
        }
        assert.equal(main.arrivals.length, 3, "each request arrives once");
      },
    }),
  ),
  ...torn.map(
    ([what, field, act]): TransportCase => ({
      name: `broken: ${what} breaks the body and is told to onEnd`,
      async run({ backend, send }) {
        const main = await backend(({ write }) => {
          write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`);
          write(field.includes("chunked") ? "5\r\nhello\r\n" : "hello");
        });
        const sent = send(main);
        const answer = await sent.answer;
        act(main.arrivals[0]!);
        assert.ok((await breakOf(answer)).bytes <= 1000);
        const { error } = await sent.ended();
        assert.ok(error instanceof ProxyError, `onEnd was told ${String(error)}`);
        assert.equal(error.code, "http_response_incomplete");
        assert.equal(sent.endings().length, 1);
        assert.equal(main.arrivals.length, 1);
      },
    }),
  ),
];
