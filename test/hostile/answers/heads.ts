import { chunk } from "../../support/http1.ts";
import type { EvilAnswer } from "./answer.ts";

const poison = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";

const answer = (start: string, fields: readonly string[], body = "") =>
  `${[start, ...fields].join("\r\n")}\r\n\r\n${body}`;

const ok = (...fields: string[]) => answer("HTTP/1.1 200 OK", [...fields, "content-length: 4"], "body");

const refuse = (name: string, bytes: string): EvilAnswer => ({
  name: `backend: ${name}`,
  rule: "refuse",
  bytes,
  ends: true,
});
const either = (name: string, bytes: string, more: Partial<EvilAnswer> = {}): EvilAnswer => ({
  name: `backend: ${name}`,
  rule: "either",
  bytes,
  ends: true,
  body: "body",
  ...more,
});

const status = (code: string): EvilAnswer =>
  refuse(`a status of ${JSON.stringify(code)}`, answer(`HTTP/1.1 ${code} Odd`, ["content-length: 4"], "body"));

/** Heads that are none: never an answer of a client's. */
export const garbage: readonly EvilAnswer[] = [
  refuse("garbage in the place of a head", "\x00\x01\x02 no HTTP at all \r\n\r\n"),
  refuse("a TLS alert", "\x15\x03\x03\x00\x02\x02\x46"),
  refuse("only line ends", "\r\n\r\n\r\n\r\n"),
  refuse("a request in the place of an answer", "GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n"),
  refuse("an answer of HTTP/0.9", "<html>body</html>"),
  either("an answer of HTTP/2.0", answer("HTTP/2.0 200 OK", ["content-length: 4"], "body")),
  refuse("an answer of HTTP/3.7", answer("HTTP/3.7 200 OK", ["content-length: 4"], "body")),
  refuse("an answer of another protocol", answer("ICY 200 OK", ["content-length: 4"], "body")),
  refuse("frames of HTTP/2", "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff"),
  refuse("half a head", "HTTP/1.1 200 OK\r\nX-Half: "),
  refuse("nothing", ""),
  ...["99", "000", "1000", "abc", "-200", "20", "2 00", "0x200", "999", "600"].map(status),
  refuse("a status line without a status", answer("HTTP/1.1", ["content-length: 4"], "body")),
  either("a status line without a reason", answer("HTTP/1.1 200", ["content-length: 4"], "body")),
  either("an answer of HTTP/1.0", answer("HTTP/1.0 200 OK", ["content-length: 4"], "body")),
  either("bare LFs in its head", "HTTP/1.1 200 OK\ncontent-length: 4\n\nbody"),
  refuse("an unasked 101", answer("HTTP/1.1 101 Switching Protocols", ["connection: upgrade", "upgrade: h2c"], poison)),
  either("a 100 and then its answer", `HTTP/1.1 100 Continue\r\n\r\n${ok()}`, { rule: "serve" }),
  either(
    "a 102 with a length and then its answer",
    `${answer("HTTP/1.1 102 Processing", ["content-length: 6"])}${ok()}`,
  ),
];

/** Fields that would split the client's answer, or a client's reading of it. */
export const splits: readonly EvilAnswer[] = [
  either("a bare CR in a value", ok("x-evil: a\rSet-Cookie: evil=1"), { fields: { "set-cookie": [] } }),
  either("a bare LF in a value", ok("x-evil: a\nset-cookie: evil=1")),
  either("an answer behind a bare CR in a value", ok(`x-evil: a\r\r${poison}`.replaceAll("\r\n", "\r"))),
  either("a NUL in a value", ok("x-evil: a\0b")),
  either("a folded value", ok("x-evil: a\r\n set-cookie: evil=1"), { fields: { "set-cookie": [] } }),
  either("a space before a colon", ok("x-evil : a")),
  either("a space in a name", ok("x evil: a")),
  either("an empty name", ok(": a")),
  either("a field without a colon", ok("nonsense")),
  either("a name in brackets", ok("x(evil): a")),
  either("bytes beyond ASCII in a value", ok("x-evil: caf\xe9")),
  either("an escape in a value", ok("x-evil: \x1b[31m")),
  either("a reason with a bare CR", answer("HTTP/1.1 200 OK\rx-evil: a", ["content-length: 4"], "body"), {
    fields: { "x-evil": [] },
  }),
  either("a reason with a NUL", answer("HTTP/1.1 200 O\0K", ["content-length: 4"], "body")),
  either("a reason of bytes beyond ASCII", answer("HTTP/1.1 200 caf\xc3\xa9 \xff", ["content-length: 4"], "body")),
  either("a reason of 4 kB", answer(`HTTP/1.1 200 ${"O".repeat(4000)}`, ["content-length: 4"], "body")),
  either("a location with a line end in it", answer("HTTP/1.1 302 Found", ["location: /x\r y", "content-length: 0"]), {
    status: 302,
    body: "",
  }),
  either("a Connection that names its length", ok("connection: close, content-length")),
  either("a Connection that names a field", ok("connection: x-secret", "x-secret: 1"), { fields: { "x-secret": [] } }),
  either("hop-by-hop fields", ok("keep-alive: timeout=1", "proxy-connection: x", "upgrade: h2c", "te: x"), {
    fields: { "proxy-connection": [], upgrade: [], te: [] },
  }),
];

const sized = (name: string, values: readonly string[], more?: Partial<EvilAnswer>): EvilAnswer => ({
  ...refuse(name, answer("HTTP/1.1 200 OK", values.map((value) => `content-length: ${value}`), `body${poison}`)),
  ...more,
});

const coded = (name: string, codings: readonly string[], more?: Partial<EvilAnswer>): EvilAnswer => ({
  ...refuse(
    name,
    answer(
      "HTTP/1.1 200 OK",
      codings.map((coding) => `transfer-encoding: ${coding}`),
      `4\r\nbody\r\n0\r\n\r\n${poison}`,
    ),
  ),
  ...more,
});

const chunked = (name: string, body: string, more?: Partial<EvilAnswer>): EvilAnswer => ({
  ...refuse(name, answer("HTTP/1.1 200 OK", ["transfer-encoding: chunked"], body)),
  ...more,
});

const readable: Partial<EvilAnswer> = { rule: "either", body: "body" };

/** Bodies of which nobody can tell the end, or whose end is not where they say. */
export const endings: readonly EvilAnswer[] = [
  sized("two lengths, the shorter first", ["2", "4"]),
  sized("two lengths, the longer first", ["4", "2"]),
  sized("two lengths in one line", ["4, 2"]),
  sized("two equal lengths", ["4", "4"], readable),
  sized("a negative length", ["-1"]),
  sized("a length with a plus", ["+4"]),
  sized("a length in hex", ["0x4"]),
  sized("a length that is empty", [""]),
  sized("a length that is no number", ["x"]),
  sized("a length of 2^64 and the body's", ["18446744073709551620"]),
  sized("a length with a decimal point", ["4.0"]),
  {
    ...refuse("a length of 2^53", answer("HTTP/1.1 200 OK", ["content-length: 9007199254740993"], "body")),
  },
  refuse("a body shorter than its length", answer("HTTP/1.1 200 OK", ["content-length: 100"], "body")),
  {
    ...either(
      "a length and chunks",
      answer("HTTP/1.1 200 OK", ["content-length: 2", "transfer-encoding: chunked"], "4\r\nbody\r\n0\r\n\r\n"),
    ),
  },
  {
    ...either(
      "chunks and a longer length",
      answer("HTTP/1.1 200 OK", ["transfer-encoding: chunked", "content-length: 1000"], "4\r\nbody\r\n0\r\n\r\n"),
    ),
  },
  coded("a coding that is almost chunked", ["xchunked"], { rule: "either", body: /^4\r\nbody\r\n0\r\n\r\n/ }),
  coded("a coding of identity", ["identity"], { rule: "either", body: /^4\r\nbody\r\n0\r\n\r\n/ }),
  coded("chunked and then identity", ["chunked, identity"], { rule: "either", body: /body/ }),
  coded("gzip and then chunked", ["gzip, chunked"], readable),
  coded("chunked in two lines", ["chunked", "chunked"], readable),
  coded("chunked with a vertical tab", ["\x0bchunked"], { rule: "either", body: /body/ }),
  chunked("a chunk size that is no number", "zz\r\nbody\r\n0\r\n\r\n"),
  chunked("a chunk size with a minus", "-4\r\nbody\r\n0\r\n\r\n"),
  chunked("a chunk size with 0x", "0x4\r\nbody\r\n0\r\n\r\n"),
  chunked("a chunk size that overflows", "10000000000000004\r\nbody\r\n0\r\n\r\n"),
  chunked("a chunk longer than its size", "2\r\nbody\r\n0\r\n\r\n"),
  chunked("a chunk shorter than its size", "6\r\nbody\r\n0\r\n\r\n"),
  chunked("no last chunk", "4\r\nbody\r\n"),
  chunked("a bare LF behind a chunk's size", "4\nbody\r\n0\r\n\r\n", readable),
  chunked("a chunk extension of 4 kB", `4;${"x".repeat(4096)}\r\nbody\r\n0\r\n\r\n`, readable),
  chunked("a trailer that would be a field", "4\r\nbody\r\n0\r\nset-cookie: evil=1\r\ncontent-length: 9\r\n\r\n", {
    ...readable,
    fields: { "set-cookie": [] },
  }),
  chunked("a trailer without a colon", "4\r\nbody\r\n0\r\nnonsense\r\n\r\n", readable),
  {
    ...either(
      "chunks in an answer of HTTP/1.0",
      answer("HTTP/1.0 200 OK", ["transfer-encoding: chunked"], chunk("body") + "0\r\n\r\n"),
    ),
    body: /body/,
  },
];

const kept = (name: string, bytes: string, more: Partial<EvilAnswer> = {}): EvilAnswer => ({
  name: `backend: ${name} does not reach the next client`,
  rule: "either",
  bytes,
  ...more,
});

/** Bytes behind an answer's end, on a connection that stays: whoever is next must not get them. */
export const poisons: readonly EvilAnswer[] = [
  kept("an answer behind a body of known length", ok() + poison, { body: "body" }),
  kept("ten answers behind a body of known length", ok() + poison.repeat(10), { body: "body" }),
  kept("garbage behind a body of known length", `${ok()}more`, { body: "body" }),
  kept("a line end behind a body of known length", `${ok()}\r\n`, { body: "body" }),
  kept(
    "an answer behind the last chunk",
    answer("HTTP/1.1 200 OK", ["transfer-encoding: chunked"], `4\r\nbody\r\n0\r\n\r\n${poison}`),
    {
      body: "body",
    },
  ),
  kept("an answer behind a 204", `HTTP/1.1 204 No Content\r\n\r\n${poison}`, { status: 204 }),
  kept("the body of a 204", "HTTP/1.1 204 No Content\r\ncontent-length: 45\r\n\r\n" + poison, { status: 204 }),
  kept(
    "the chunks of a 204",
    "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(poison) + "0\r\n\r\n",
    {
      status: 204,
    },
  ),
  kept("the body of a 304", "HTTP/1.1 304 Not Modified\r\ncontent-length: 45\r\n\r\n" + poison, { status: 304 }),
  kept("the body of a HEAD", `HTTP/1.1 200 OK\r\ncontent-length: 45\r\n\r\n${poison}`, { method: "HEAD" }),
  kept("the chunks of a HEAD", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk(poison)}0\r\n\r\n`, {
    method: "HEAD",
  }),
  kept("an answer behind that of a HEAD", `HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n${poison}`, { method: "HEAD" }),
  kept("an answer behind that of a POST", ok() + poison, { method: "POST", body: "body" }),
  kept("an answer behind an error", answer("HTTP/1.1 500 Oh", ["content-length: 4"], `body${poison}`), {
    status: 500,
    body: "body",
  }),
];
