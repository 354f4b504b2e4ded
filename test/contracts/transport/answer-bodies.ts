import assert from "node:assert/strict";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { chunk } from "../../support/http1.ts";
import { bytesOf, noise, sha } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

const text = Buffer.from("compressible ".repeat(100_000));
const codings = [
  { coding: "gzip", bytes: gzipSync(text) },
  { coding: "br", bytes: brotliCompressSync(text.subarray(0, 100_000)) },
  { coding: "zstd", bytes: zstdCompressSync(text) },
  { coding: "deflate", bytes: deflateSync(text) },
  { coding: "gzip, br", bytes: gzipSync(text) },
  { coding: "gzip", bytes: Buffer.from("this is no gzip at all") },
];

export const answerBodyCases: readonly TransportCase[] = [
  ...codings.flatMap(({ coding, bytes }, index) =>
    [false, true].map((chunked): TransportCase => ({
      name: `answer: a ${chunked ? "chunked " : ""}body encoded with ${coding}${
        index === codings.length - 1 ? " by name only" : ""
      } passes byte for byte`,
      async run({ backend, send }) {
        const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes.length}`;
        const main = await backend((arrival) => {
          arrival.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n${framing}\r\n\r\n`);
          arrival.write(chunked ? Buffer.concat([chunk(bytes), chunk("")]) : bytes);
        });
        for (const accepted of ["gzip, br, zstd, deflate", undefined]) {
          const answer = await send(main, accepted === undefined ? {} : { fields: [["accept-encoding", accepted]] })
            .answer;
          assert.equal(answer.headers.get("content-encoding"), coding);
          assert.equal(answer.headers.get("content-length"), chunked ? null : String(bytes.length));
          assert.equal(sha(await bytesOf(answer)), sha(bytes));
        }
      },
    }))
  ),
  {
    name: "answer: each way of framing a body gives the same bytes, and onEnd is told once and how many",
    async run({ backend, send }) {
      const body = noise(300_000);
      const framings: readonly (readonly [string, readonly Uint8Array[], string])[] = [
        ["HTTP/1.1", [body], `Content-Length: ${body.length}`],
        ["HTTP/1.1", [chunk(body.subarray(0, 10)), chunk(body.subarray(10)), chunk("")], "Transfer-Encoding: chunked"],
        ["HTTP/1.1", [
          Buffer.from(`${body.length.toString(16)};name="value"\r\n`),
          body,
          Buffer.from("\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        ], "Transfer-Encoding: chunked"],
        ["HTTP/1.1", [body], "X-Until: the end"],
        ["HTTP/1.0", [body], "X-Until: the end"],
        ["HTTP/1.0", [body], `Content-Length: ${body.length}`],
      ];
      for (const [version, pieces, field] of framings) {
        const main = await backend(({ write, socket }) => {
          write(`${version} 200 OK\r\n${field}\r\n\r\n`);
          for (const piece of pieces) write(piece);
          if (field.startsWith("X-")) socket.end();
        });
        const sent = send(main);
        const answer = await sent.answer;
        assert.equal(sha(await bytesOf(answer)), sha(body), field);
        assert.deepEqual(await sent.ended(), { bytes: body.length, error: undefined }, field);
        assert.equal(sent.endings().length, 1, field);
      }
    },
  },
  {
    name: "answer: an empty body ends like any other",
    async run({ backend, send }) {
      for (const [field, rest] of [["Content-Length: 0", ""], ["Transfer-Encoding: chunked", "0\r\n\r\n"]] as const) {
        const main = await backend(({ write }) => write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n${rest}`));
        const sent = send(main);
        assert.equal((await bytesOf(await sent.answer)).length, 0);
        assert.deepEqual(await sent.ended(), { bytes: 0, error: undefined });
      }
    },
  },
  {
    name: "answer: bytes beyond its end never become the next answer",
    async run({ backend, send }) {
      const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
      const heads = [
        ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        ["GET", "HTTP/1.1 204 No Content\r\n\r\n"],
        ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"],
        ["GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
      ] as const;
      for (const [method, head] of heads) {
        const main = await backend(({ write }) => write(head + poison));
        const first = send(main, { method });
        await first.answer.then(bytesOf).catch(() => {});
        main.handle((arrival) => arrival.answer(200, [], "next"));
        const next = await send(main).answer.then(bytesOf).catch(() => "failed");
        assert.ok(["next", "failed"].includes(next.toString()), `${method}: ${next.toString()}`);
      }
    },
  },
];
