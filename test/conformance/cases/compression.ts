import assert from "node:assert/strict";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { ConformanceCase } from "../case.ts";
import { chunk } from "../../support/http1.ts";
import { plain } from "../stages.ts";

const text = "It was said once and then said again. ".repeat(400);
const codings = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync, deflate: deflateSync } as const;

const byteForByte = Object.entries(codings).map(
  ([coding, compress]): ConformanceCase => ({
    name: `compression: a ${coding} body arrives byte for byte with true fields`,
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const bytes = compress(text);
      backends.main.handle((arrival) =>
        arrival.answer(
          200,
          [["content-type", "text/plain"], ["content-encoding", coding], ["vary", "accept-encoding"]],
          bytes,
        )
      );
      for (const accepted of [coding, "gzip, deflate, br, zstd", undefined]) {
        const response = await exchange({ fields: accepted === undefined ? [] : [["Accept-Encoding", accepted]] });
        assert.deepEqual(response.all("content-encoding"), [coding]);
        assert.equal(response.field("content-length"), `${bytes.length}`);
        assert.ok(response.body.equals(bytes), `${response.body.length} bytes for ${bytes.length}`);
        assert.equal(backends.main.arrivals.at(-1)?.field("accept-encoding"), accepted);
      }
    },
  }),
);

export const compressionCases: readonly ConformanceCase[] = [
  ...byteForByte,
  {
    name: "compression: a chunked gzip body arrives byte for byte",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const bytes = gzipSync(text);
      backends.main.handle((arrival) => {
        arrival.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n");
        for (const part of [bytes.subarray(0, 11), bytes.subarray(11), ""]) arrival.write(chunk(part));
      });
      const response = await exchange({ fields: [["Accept-Encoding", "gzip"]] });
      assert.equal(response.field("content-encoding"), "gzip");
      assert.ok(response.complete);
      assert.ok(response.body.equals(bytes));
    },
  },
  {
    name: "compression: stacked codings arrive byte for byte",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const bytes = brotliCompressSync(gzipSync(text));
      backends.main.handle((arrival) => arrival.answer(200, [["content-encoding", "gzip, br"]], bytes));
      const response = await exchange({ fields: [["Accept-Encoding", "gzip, br"]] });
      assert.equal(response.field("content-encoding"), "gzip, br");
      assert.ok(response.body.equals(bytes));
    },
  },
  {
    name: "compression: bytes that are not what they are labelled pass as they are",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [["content-encoding", "gzip"]], "this is not gzip"));
      const response = await exchange({ fields: [["Accept-Encoding", "gzip"]] });
      assert.equal(response.body.toString(), "this is not gzip");
      assert.equal(response.field("content-encoding"), "gzip");
    },
  },
  {
    name: "compression: HEAD keeps Content-Encoding and Content-Length",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.write(
          "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 321\r\nvary: accept-encoding\r\n\r\n",
        )
      );
      const response = await exchange({ method: "HEAD", fields: [["Accept-Encoding", "gzip"]] });
      assert.equal(response.status, 200);
      assert.equal(response.field("content-encoding"), "gzip");
      assert.equal(response.field("content-length"), "321");
    },
  },
  {
    name: "compression: a 304 keeps its fields and ends at its head",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      backends.main.handle((arrival) =>
        arrival.write(
          'HTTP/1.1 304 Not Modified\r\netag: "z"\r\ncontent-encoding: gzip\r\nvary: accept-encoding\r\n\r\n',
        )
      );
      await client.send(
        'GET /same HTTP/1.1\r\nHost: balancer.test\r\nIf-None-Match: "z"\r\nAccept-Encoding: gzip\r\n\r\n',
      );
      const response = await client.response();
      assert.equal(response.status, 304);
      assert.equal(response.field("etag"), '"z"');
      backends.main.handle((arrival) => arrival.answer(200, [], "next"));
      await client.send("GET /next HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).body.toString(), "next");
    },
  },
  {
    name: "compression: a range of a compressed body stays that range",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const bytes = gzipSync(text);
      const range = `bytes 0-19/${bytes.length}`;
      backends.main.handle((arrival) =>
        arrival.answer(206, [["content-encoding", "gzip"], ["content-range", range]], bytes.subarray(0, 20))
      );
      const response = await exchange({ fields: [["Accept-Encoding", "gzip"], ["Range", "bytes=0-19"]] });
      assert.equal(response.status, 206);
      assert.equal(response.field("content-range"), range);
      assert.ok(response.body.equals(bytes.subarray(0, 20)));
    },
  },
  {
    name: "compression: a compressed upload is not touched",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const body = gzipSync(text);
      await exchange({ method: "POST", fields: [["Content-Encoding", "gzip"]], body });
      const arrival = backends.main.arrivals[0];
      assert.equal(arrival?.field("content-encoding"), "gzip");
      assert.ok((await arrival?.body())?.bytes.equals(body));
    },
  },
];
