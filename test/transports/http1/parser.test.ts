import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createParser } from "../../../src/transports/http1/parser.ts";
import { cutAt, latin1, read } from "./reading.ts";

const kibibyte = 1024;

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ09-_.!#$%&'*+^`|~"), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(...'aZ0 \t,;="/\u00e9\u00ff'), maxLength: 20 });
const field = fc.tuple(token.map((name) => `X${name}`), value).map(([name, value]) => `${name}: ${value}\r\n`);
const fields = fc.array(field, { maxLength: 5 }).map((lines) => lines.join(""));
const text = fc.string({ unit: fc.constantFrom(..."abc\r\n0;: \u0000\u00ff"), maxLength: 60 });

const interim = fc
  .tuple(fc.constantFrom(100, 102, 103, 150, 199), fields)
  .map(([status, fields]) => `HTTP/1.1 ${status} Interim\r\n${fields}\r\n`);

const chunk = fc
  .tuple(text.filter((text) => text !== ""), fc.constantFrom("", ";a", ";a=b", ' ;a="b"'), fc.boolean())
  .map(([text, extension, upper]) => {
    const size = text.length.toString(16);
    return `${upper ? size.toUpperCase() : `0${size}`}${extension}\r\n${text}\r\n`;
  });

const chunked = fc
  .tuple(fields, fc.array(chunk, { maxLength: 5 }), fields)
  .map(([fields, chunks, trailers]) =>
    `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n${trailers}\r\n`
  );
const measured = fc
  .tuple(fields, text)
  .map(([fields, body]) => `HTTP/1.1 201 \r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`);
const untilTheEnd = fc.tuple(fields, text).map(([fields, body]) => `HTTP/1.0 200 Fine\r\n${fields}\r\n${body}`);
const bodiless = fields.map((fields) => `HTTP/1.1 304 Not Modified\r\n${fields}Content-Length: 7\r\n\r\n`);
const switched = text.map((rest) => `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n${rest}`);

/** Whole answers of every form, interim ones before them and something that nobody asked for behind them. */
const answers = fc
  .tuple(
    fc.array(interim, { maxLength: 2 }),
    fc.oneof(chunked, measured, untilTheEnd, bodiless, switched),
    fc.constantFrom("", "HTTP/1.1 200 OK\r\n\r\n", "x"),
  )
  .map(([interim, answer, excess]) => [...interim, answer, excess].join(""));

/** The same with one byte replaced, removed or put in: nearly an answer. */
const damaged = fc
  .tuple(answers, fc.nat(), fc.constantFrom("", "\r", "\n", "\0", " ", ":", "0", "f", "\u00ff"), fc.nat(1))
  .map(([answer, place, byte, length]) => {
    const at = place % answer.length;
    return answer.slice(0, at) + byte + answer.slice(at + length);
  });

const places = fc.array(fc.nat(400), { maxLength: 12 });
const requests = fc.record({ method: fc.constantFrom("GET", "HEAD"), upgrading: fc.boolean(), ends: fc.boolean() });

const get = (head: string, rest = "") => latin1(`HTTP/1.1 200 OK\r\n${head}\r\n${rest}`);
const chunks = (body: string) => get("Transfer-Encoding: chunked\r\n", body);

/** What is refused: read in two ways, it would be a way to smuggle. */
const refused: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["another protocol", latin1("SSH-2.0-OpenSSH_9.6\r\n\r\n")],
  ["the first byte of a TLS alert", latin1("\x15")],
  ["an HTTP/2 preface", latin1("PRI * HTTP/2.0\r\n\r\n")],
  ["HTTP/2.0 in a status line", latin1("HTTP/2.0 200 OK\r\n\r\n")],
  ["HTTP/1.2", latin1("HTTP/1.2 200 OK\r\n\r\n")],
  ["a status line in lower case", latin1("http/1.1 200 OK\r\n\r\n")],
  ["an empty line before the status line", latin1("\r\nHTTP/1.1 200 OK\r\n\r\n")],
  ["two spaces before the status", latin1("HTTP/1.1  200 OK\r\n\r\n")],
  ["a tab before the status", latin1("HTTP/1.1\t200 OK\r\n\r\n")],
  ["a status of two digits", latin1("HTTP/1.1 20 OK\r\n\r\n")],
  ["a status of four digits", latin1("HTTP/1.1 2000 OK\r\n\r\n")],
  ["a status below 100", latin1("HTTP/1.1 099 OK\r\n\r\n")],
  ["a NUL in the reason", latin1("HTTP/1.1 200 O\0K\r\n\r\n")],
  ["a bare LF in the reason", latin1("HTTP/1.1 200 OK\nX: y\r\n\r\n")],
  ["a switch of protocols that nobody asked for", latin1("HTTP/1.1 101 Switching Protocols\r\n\r\n")],
  ["a field that is none", get("nonsense\r\n")],
  ["a field without a name", get(": nameless\r\n")],
  ["a space before a colon", get("X : y\r\n")],
  ["a space before a field", get(" X: y\r\n")],
  ["a folded field", get("X: y\r\n z\r\n")],
  ["a name beyond ASCII", get("X\u00e9: y\r\n")],
  ["a NUL in a field", get("X: a\0b\r\n")],
  ["a bare CR in a field", get("X: a\rb\r\n")],
  ["a bare LF in a field", get("X: a\nY: b\r\n")],
  ["a DEL in a field", get("X: a\x7fb\r\n")],
  ["two Content-Lengths that agree", get("Content-Length: 1\r\ncontent-length: 1\r\n", "x")],
  ["two Content-Lengths that do not", get("Content-Length: 1\r\nContent-Length: 2\r\n", "xy")],
  ["a list of Content-Lengths", get("Content-Length: 1, 1\r\n", "x")],
  ["an empty Content-Length", get("Content-Length:\r\n")],
  ["a negative Content-Length", get("Content-Length: -1\r\n")],
  ["a Content-Length with a sign", get("Content-Length: +1\r\n", "x")],
  ["a Content-Length in hexadecimal", get("Content-Length: 0x1\r\n", "x")],
  ["a Content-Length with a fraction", get("Content-Length: 1.0\r\n", "x")],
  ["a Content-Length with a space within", get("Content-Length: 1 0\r\n", "x")],
  ["a Content-Length beyond what a number holds", get("Content-Length: 9007199254740993\r\n")],
  [
    "a Content-Length that is no number in an answer to HEAD too",
    latin1("HTTP/1.1 304 N\r\nContent-Length: x\r\n\r\n"),
  ],
  ["a length beside chunks", get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["chunks beside a length", get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")],
  ["an unknown transfer coding", get("Transfer-Encoding: gzip\r\n")],
  ["chunks within another coding", get("Transfer-Encoding: gzip, chunked\r\n")],
  ["chunks that are not the last coding", get("Transfer-Encoding: chunked, identity\r\n")],
  ["chunks twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")],
  ["an empty transfer coding", get("Transfer-Encoding:\r\n")],
  ["a coding that is nearly chunked", get("Transfer-Encoding: xchunked\r\n")],
  ["chunks in HTTP/1.0", latin1("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
  ["a chunk without a size", chunks("\r\nabc\r\n0\r\n\r\n")],
  ["a chunk's size that is no number", chunks("xyz\r\n")],
  ["a negative chunk's size", chunks("-1\r\n")],
  ["a chunk's size with a sign", chunks("+1\r\na\r\n0\r\n\r\n")],
  ["a chunk's size with 0x", chunks("0x1\r\na\r\n0\r\n\r\n")],
  ["a space before a chunk's size", chunks(" 1\r\na\r\n0\r\n\r\n")],
  ["a chunk's size beyond what a number holds", chunks("fffffffffffffff\r\n")],
  ["a bare LF after a chunk's size", chunks("1\na\r\n0\r\n\r\n")],
  ["a bare LF in a chunk's extension", chunks("1;a\nb\r\na\r\n0\r\n\r\n")],
  ["a bare CR in a chunk's extension", chunks("1;a\rb\r\na\r\n0\r\n\r\n")],
  ["a chunk longer than its size", chunks("1\r\nab\r\n0\r\n\r\n")],
  ["a bare LF after a chunk", chunks("1\r\na\n0\r\n\r\n")],
  ["a CR without its LF after a chunk", chunks("1\r\na\rx")],
  ["a trailer that is no field", chunks("0\r\nnonsense\r\n\r\n")],
  ["a folded trailer", chunks("0\r\nX: y\r\n z\r\n\r\n")],
  ["a NUL in a trailer", chunks("0\r\nX: \0\r\n\r\n")],
];

describe("the parser of answers", () => {
  it("reads an answer in the same way however its bytes are cut into reads", () => {
    fc.assert(
      fc.property(fc.oneof(answers, damaged), places, requests, (answer, places, request) => {
        const bytes = latin1(answer);
        const { excess, ...whole } = read([bytes], request);
        const { excess: parts, ...cut } = read(cutAt(bytes, places), request);
        assert.deepEqual(cut, whole);
        // After a switch each read's bytes are another protocol's; else only what came together with the end is told.
        if (whole.error === undefined) assert.equal(parts, excess);
      }),
      { numRuns: 3000 },
    );
  });

  it("reads an answer in the same way byte for byte", () => {
    fc.assert(
      fc.property(fc.oneof(answers, damaged), requests, (answer, request) => {
        const bytes = latin1(answer);
        const byByte = read(Array.from(bytes, (byte) => Uint8Array.of(byte)), request);
        assert.deepEqual(byByte, read([bytes], request));
      }),
      { numRuns: 1000 },
    );
  });

  it("throws nothing but http_protocol_error, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), places, (noise, begins, places) => {
        const bytes = begins ? Buffer.concat([chunks(""), noise]) : noise;
        const { error } = read(cutAt(bytes, places));
        assert.ok(error === undefined || error === "http_protocol_error", error);
      }),
      { numRuns: 2000 },
    );
  });

  for (const [what, bytes] of refused) {
    it(`refuses ${what}`, () => {
      const { error, trailers } = read([bytes]);
      assert.deepEqual([error, trailers], ["http_protocol_error", undefined]);
      const method = what.includes("HEAD") ? "HEAD" : "GET";
      assert.equal(read(Array.from(bytes, (byte) => Uint8Array.of(byte)), { method }).error, "http_protocol_error");
    });
  }

  it("tells the interim answers, then the head, the body and the trailers", () => {
    const told = read([
      latin1("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
      chunks("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\nx-sum: six\r\n\r\n"),
    ]);
    assert.deepEqual(told.interim.map(({ status, fields }) => [status, ...fields]), [[100], [103, "Link", "</a>"]]);
    assert.equal(told.head?.status, 200);
    assert.deepEqual([told.body, told.trailers], ["abcde", ["X-Sum", "5", "x-sum", "six"]]);
    assert.deepEqual([told.excess, told.error], ["", undefined]);
  });

  it("gives a body on before it is whole", () => {
    assert.equal(read([get("Content-Length: 10\r\n", "half")]).body, "half");
    assert.equal(read([chunks("a\r\nhalf")]).body, "half");
    assert.equal(read([get("", "half")]).body, "half");
  });

  it("ends a body with the connection only where nothing else ends it", () => {
    const ended = (bytes: Buffer) => read([bytes], { ends: true }).trailers !== undefined;
    assert.ok(ended(get("", "until the end")));
    for (
      const bytes of [
        get("Content-Length: 10\r\n", "half"),
        chunks("3\r\nabc\r\n"),
        chunks("0\r\n"),
        latin1("HTTP/1.1 200"),
      ]
    ) {
      assert.ok(!ended(bytes), bytes.toString("latin1"));
    }
  });

  it("ends at its head what has no body, whatever its fields say", () => {
    for (
      const [status, method] of [[204, "GET"], [304, "GET"], [200, "HEAD"], [404, "HEAD"]] as const
    ) {
      for (const framing of ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""]) {
        const told = read([latin1(`HTTP/1.1 ${status} X\r\n${framing}\r\nexcess`)], { method });
        assert.deepEqual([told.body, told.trailers, told.excess], ["", [], "excess"], `${status} ${method} ${framing}`);
      }
    }
  });

  it("gives what follows a switch of protocols to whoever asked for it", () => {
    const told = read([latin1("HTTP/1.1 101 Switching Protocols\r\n\r\nfirst"), latin1("second")], { upgrading: true });
    assert.deepEqual([told.head?.status, told.body, told.excess], [101, "", "firstsecond"]);
  });

  it("takes a chunk's size in either case, with zeros before it, and extensions", () => {
    for (const size of ["A", "a", "00000a", "a;x", 'a ; x="y"', "a\t;x", "a;caf\u00e9"]) {
      const told = read([chunks(`${size}\r\n0123456789\r\n0\r\n\r\n`)]);
      assert.deepEqual([told.body, told.error], ["0123456789", undefined], size);
    }
  });

  it("reads one answer after the other on one connection", () => {
    const parser = createParser();
    for (const body of ["one", "two", "three"]) {
      const told = read([get(`Content-Length: ${body.length}\r\n`, body)], { parser });
      assert.deepEqual([told.body, told.trailers], [body, []]);
    }
  });

  it("takes heads, trailers and chunks' extensions of 64 KiB, and no longer ones, however they are cut", () => {
    const most = 64 * kibibyte;
    const padded = (start: string, length: number) => start + "p".repeat(length - start.length);
    const forms = {
      head: (length: number) => latin1(`${padded("HTTP/1.1 204 No Content\r\nX-Pad: ", length)}\r\n\r\n`),
      extension: (length: number) => chunks(`${padded("1;", length)}\r\na\r\n0\r\n\r\n`),
      trailers: (length: number) => chunks(`0\r\n${padded("X-Pad: ", length)}\r\n\r\n`),
    };
    for (const [what, make] of Object.entries(forms)) {
      for (const length of [most - 1, most, most + 1, most + 9]) {
        const bytes = make(length);
        const expected = length <= most ? undefined : "http_protocol_error";
        for (const last of [0, 1, 2, 3, 4, 5]) {
          const { error } = read(cutAt(bytes, [bytes.length - last]));
          assert.equal(error, expected, `${what} of ${length}, its last ${last} bytes later`);
        }
      }
    }
  });

  it("holds no more than that of what never ends", () => {
    for (const beginning of [get("").subarray(0, -2), chunks("1;"), chunks("0\r\nX: ")]) {
      const parser = createParser();
      const told = read([beginning, ...Array.from({ length: 10 }, () => Buffer.alloc(10 * kibibyte, "x"))], { parser });
      assert.equal(told.error, "http_protocol_error");
    }
  });

  it("counts the interim answers into the head", () => {
    const early = latin1(`HTTP/1.1 103 Early Hints\r\nX-Pad: ${"p".repeat(10 * kibibyte)}\r\n\r\n`);
    const told = read(Array.from({ length: 10 }, () => early));
    assert.equal(told.error, "http_protocol_error");
    assert.ok(told.interim.length < 7);
  });
});
