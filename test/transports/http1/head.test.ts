import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ProxyError } from "../../../src/core/errors.ts";
import { parseFields } from "../../../src/transports/http1/field-lines.ts";
import { malformed, parseHead } from "../../../src/transports/http1/head.ts";
import type { Framing } from "../../../src/transports/http1/message-parser.ts";

const parse = (text: string, method = "GET") => parseHead(text.replaceAll("\n", "\r\n"), method);
const refuses = (text: string, method = "GET") =>
  assert.throws(
    () => parse(text, method),
    (error) => error instanceof ProxyError && error.code === "http_protocol_error",
    JSON.stringify(text),
  );

const name = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.!#$%&'*+^`|~"), minLength: 1, maxLength: 24 });
const visible = fc.constantFrom(...'aZ0,;="/:\u0080\u00e9\u00ff');
const value = fc
  .tuple(visible, fc.string({ unit: fc.oneof(visible, fc.constantFrom(" ", "\t")), maxLength: 20 }), visible)
  .map((parts) => parts.join(""));
const padding = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });
const isFraming = (name: string) => /^(content-length|transfer-encoding)$/i.test(name);

const framings: readonly (readonly [head: string, method: string, framing: Framing])[] = [
  ["HTTP/1.1 200 OK\nContent-Length: 0", "GET", 0],
  ["HTTP/1.1 200 OK\nContent-Length: 12", "GET", 12],
  ["HTTP/1.1 200 OK\ncontent-length: \t012 ", "GET", 12],
  ["HTTP/1.1 200 OK\nContent-Length: 999999999999999", "GET", 999_999_999_999_999],
  ["HTTP/1.1 200 OK\nContent-Length: 12", "HEAD", 0],
  ["HTTP/1.1 204 No Content\nContent-Length: 12", "GET", 0],
  ["HTTP/1.1 304 Not Modified\nContent-Length: 12", "GET", 0],
  ["HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked", "GET", 0],
  ["HTTP/1.1 103 Early Hints\nLink: </a>", "GET", 0],
  ["HTTP/1.1 205 Reset Content\nContent-Length: 0", "GET", 0],
  ["HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "GET", "chunked"],
  ["HTTP/1.1 200 OK\ntransfer-encoding: Chunked", "POST", "chunked"],
  ["HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "HEAD", 0],
  ["HTTP/1.1 200 OK", "GET", "close"],
  ["HTTP/1.0 200 OK", "GET", "close"],
  ["HTTP/1.0 200 OK\nContent-Length: 3", "GET", 3],
];

const persistence: readonly (readonly [head: string, keepAlive: boolean, seconds: number | undefined])[] = [
  ["HTTP/1.1 200 OK", true, undefined],
  ["HTTP/1.1 200 OK\nConnection: keep-alive", true, undefined],
  ["HTTP/1.1 200 OK\nConnection: close", false, undefined],
  ["HTTP/1.1 200 OK\nConnection: Close", false, undefined],
  ["HTTP/1.1 200 OK\nConnection: x, close ,y", false, undefined],
  ["HTTP/1.1 200 OK\nConnection: x\nconnection: close", false, undefined],
  ["HTTP/1.1 200 OK\nConnection: closed, x-close", true, undefined],
  ["HTTP/1.1 200 OK\nX-Connection: close", true, undefined],
  ["HTTP/1.0 200 OK", false, undefined],
  ["HTTP/1.0 200 OK\nConnection: keep-alive", true, undefined],
  ["HTTP/1.0 200 OK\nConnection: keep-alive-x", false, undefined],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=5", true, 5],
  ["HTTP/1.1 200 OK\nkeep-alive: max=100, Timeout=72", true, 72],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=5, max=100", true, 5],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=0", true, 0],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=-5", true, undefined],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=soon", true, undefined],
  ["HTTP/1.1 200 OK\nKeep-Alive: xtimeout=5", true, undefined],
  ["HTTP/1.1 200 OK\nKeep-Alive: timeout=12345678", true, undefined],
];

describe("an answer's head", () => {
  it("keeps every field in its place, with its spelling and all its bytes, without the spaces around it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name.filter((name) => !isFraming(name)), value, padding, padding), { maxLength: 20 }),
        (given) => {
          const lines = given.map(([name, value, before, after]) => `\r\n${name}:${before}${value}${after}`);
          const { fields } = parseHead(`HTTP/1.1 200 OK${lines.join("")}`, "GET");
          assert.deepEqual(fields, given.flatMap(([name, value]) => [name, value]));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("reads trailers as it reads fields", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 10 }), (given) => {
        const text = given.map(([name, value]) => `${name}: ${value}`).join("\r\n");
        assert.deepEqual(parseFields(text, -2, malformed).fields, given.flat());
      }),
    );
  });

  it("has a version, a status and a reason, which may be empty or missing", () => {
    for (
      const [line, expected] of [
        ["HTTP/1.1 200 OK", [1, 200, "OK"]],
        ["HTTP/1.0 404 Not  Found", [0, 404, "Not  Found"]],
        ["HTTP/1.1 299 ", [1, 299, ""]],
        ["HTTP/1.1 599", [1, 599, ""]],
        ["HTTP/1.1 200 caf\u00e9", [1, 200, "caf\u00e9"]],
      ] as const
    ) {
      const { minor, status, reason } = parse(line);
      assert.deepEqual([minor, status, reason], expected, line);
    }
  });

  for (const [head, method, framing] of framings) {
    it(`of ${JSON.stringify(head)} to ${method} says that its body is ${framing}`, () => {
      assert.equal(parse(head, method).framing, framing);
    });
  }

  it("is refused where its lengths contradict each other or a coding, whatever the method", () => {
    for (const method of ["GET", "HEAD", "POST"]) {
      refuses("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1", method);
      refuses("HTTP/1.1 200 OK\nContent-Length: 1\nCONTENT-LENGTH: 2", method);
      refuses("HTTP/1.1 200 OK\nContent-Length: 1, 2", method);
    }
    refuses("HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked");
    refuses("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked");
    refuses("HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked");
    refuses("HTTP/1.0 200 OK\nTransfer-Encoding: chunked");
  });

  it("says whether its connection can be used again, and for how long the backend keeps it", () => {
    for (const [head, keepAlive, seconds] of persistence) {
      const parsed = parse(head);
      assert.deepEqual([parsed.keepAlive, parsed.keepAliveSeconds], [keepAlive, seconds], head);
    }
  });

  it("is refused for every byte that may not stand in a value, and for no other", () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const head = `HTTP/1.1 200 OK\r\nX: a${String.fromCharCode(byte)}b`;
      const isAllowed = byte === 9 || (byte >= 0x20 && byte !== 0x7f);
      if (isAllowed) assert.equal(parseHead(head, "GET").fields[1], `a${String.fromCharCode(byte)}b`);
      else refuses(head);
    }
  });

  it("is refused for every byte that may not stand in a name, and for no other", () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const character = String.fromCharCode(byte);
      const head = `HTTP/1.1 200 OK\r\nX${character}Y: z`;
      // Of a colon the rest is the value, and a line's end begins another line (RFC 9110 §5.6.2 for the others).
      if (/[!#$%&'*+\-.^_`|~0-9A-Za-z:]/.test(character)) assert.equal(parseHead(head, "GET").fields.length, 2);
      else refuses(head);
    }
  });
});
