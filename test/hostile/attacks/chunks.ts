import { type Attack, framed, post, smuggled } from "../attack.ts";

const te = ["Transfer-Encoding: chunked"];

/** Chunks that are none. Behind them a request, for whoever would go on reading at the wrong place. */
const malformed = (what: string, body: string): Attack => ({
  name: `chunks: ${what}`,
  rule: "refuse",
  bytes: post(te, body + smuggled),
  // Where a runtime takes them for chunks all the same, what follows is the next request.
  seen: [...framed("body"), { method: "GET", target: "/smuggled" }],
});

/** Odd, but chunks by the grammar of RFC 9112 §7.1; what stands beside the data goes no further. */
const odd = (what: string, body: string, seen = "body"): Attack => ({
  name: `chunks: ${what}`,
  rule: "either",
  bytes: post(te, body),
  seen: framed(seen),
});

const size = (what: string, line: string): Attack => malformed(what, `${line}\r\nbody\r\n0\r\n\r\n`);

const trailer = (what: string, ...lines: string[]): Attack => ({
  name: `chunks: a trailer ${what}`,
  rule: "either",
  bytes: post(te, `4\r\nbody\r\n0\r\n${lines.join("\r\n")}\r\n\r\n`),
  seen: [{
    method: "POST",
    target: "/framed",
    body: "body",
    fields: {
      "content-length": [],
      "x-trailer": [],
      "x-forwarded-for": ["127.0.0.1"],
      "x-forwarded-host": ["balancer.test"],
    },
  }],
});

export const chunks: readonly Attack[] = [
  size("a size that overflows 64 bits", "10000000000000004"),
  // A size that a counter can hold, but no body: it must not end where a shorter one would.
  { ...size("a size of 2^64 - 1", "ffffffffffffffff"), isOpen: true },
  { ...size("a size of 2^63", "8000000000000000"), isOpen: true },
  { ...size("a size of 2^32 and the data's length", "00000000100000004"), isOpen: true },
  size("a size with 0x", "0x4"),
  size("a size with a plus", "+4"),
  size("a size with a minus", "-4"),
  size("a size with a space before it", " 4"),
  size("a size with an underscore", "0_4"),
  size("a size that is no number", "zz"),
  size("a size with a decimal point", "4.0"),
  size("a size that is empty", ""),
  size("a size in quotes", '"4"'),
  size("a size with a NUL behind", "4\0"),
  size("a size with a vertical tab behind", "4\x0b"),
  size("a size with a comma", "4,4"),
  odd("a size with zeros in front", "0000000000004\r\nbody\r\n0\r\n\r\n"),
  odd("a size in capitals", "A\r\nten letter\r\n0\r\n\r\n", "ten letter"),
  odd("a size with a space behind", "4 \r\nbody\r\n0\r\n\r\n"),
  odd("a last size of many zeros", "4\r\nbody\r\n00000000\r\n\r\n"),
  malformed("data longer than its size", "2\r\nbody\r\n0\r\n\r\n"),
  malformed("data shorter than its size", "6\r\nbody\r\n0\r\n\r\n"),
  malformed("data without a line end behind it", "4\r\nbody0\r\n\r\n"),
  malformed("data with another two bytes in the place of its line end", "4\r\nbodyXX0\r\n\r\n"),
  malformed("a bare LF behind a size", "4\nbody\r\n0\r\n\r\n"),
  malformed("a bare LF behind data", "4\r\nbody\n0\r\n\r\n"),
  malformed("bare LFs everywhere", "4\nbody\n0\n\n"),
  malformed("a bare CR behind a size", "4\rbody\r\n0\r\n\r\n"),
  malformed("a bare LF behind the last size", "4\r\nbody\r\n0\n\r\n"),
  malformed("a line end too many before a size", "\r\n4\r\nbody\r\n0\r\n\r\n"),
  {
    name: "chunks: no line end behind the last one",
    rule: "refuse",
    isOpen: true,
    bytes: post(te, "4\r\nbody\r\n0\r\n"),
    seen: framed("body"),
  },
  {
    // The line after a last chunk is a trailer's, whenever it comes: also when the request was answered before it.
    name: "chunks: a trailer that looks like a request, after the answer",
    rule: "either",
    isOpen: true,
    bytes: post(te, "4\r\nbody\r\n0\r\n"),
    later: smuggled,
    seen: framed("body"),
  },
  { name: "chunks: no last one", rule: "refuse", isOpen: true, bytes: post(te, "4\r\nbody\r\n") },
  odd("an extension", "4;name=value\r\nbody\r\n0\r\n\r\n"),
  odd("an extension in quotes with a size in it", '4;name="0\\r\\n\\r\\n"\r\nbody\r\n0\r\n\r\n'),
  odd("an extension of 4 kB", `4;${"x".repeat(4096)}\r\nbody\r\n0\r\n\r\n`),
  odd("an extension of 20 kB", `4;${"x".repeat(20_000)}\r\nbody\r\n0\r\n\r\n`),
  odd("an extension at the last one", "4\r\nbody\r\n0;name=value\r\n\r\n"),
  odd("an extension with a space before it", "4 ;name=value\r\nbody\r\n0\r\n\r\n"),
  malformed("an extension with a bare LF in it", `4;a\nb\r\nbody\r\n0\r\n\r\n`),
  {
    ...malformed("an extension with a line end in its quotes", '4;a="\r\nbody\r\n0\r\n\r\n"\r\n'),
    rule: "either",
    seen: framed("body"),
  },
  malformed("an extension with a bare CR in it", "4;a\rb\r\nbody\r\n0\r\n\r\n"),
  malformed("an extension with a NUL in it", "4;a\0b\r\nbody\r\n0\r\n\r\n"),
  {
    name: "chunks: ten thousand of one byte with an extension each",
    rule: "either",
    bytes: post(te, `${"1;e=xxxxxxxxxxxxxxxx\r\nb\r\n".repeat(10_000)}0\r\n\r\n`),
    seen: framed("b".repeat(10_000)),
  },
  trailer("of Content-Length", "Content-Length: 100"),
  trailer("of Transfer-Encoding", "Transfer-Encoding: identity"),
  trailer("of Host", "Host: inner.test"),
  trailer("of X-Forwarded-For", "X-Forwarded-For: 10.0.0.1"),
  trailer("of X-Request-Id and Via", "X-Request-Id: theirs", "Via: 1.1 evil"),
  trailer("of Authorization and Cookie", "Authorization: Basic eA==", "Cookie: admin=1"),
  trailer("of Connection and Upgrade", "Connection: close", "Upgrade: h2c"),
  trailer("of its own", "X-Trailer: yes"),
  malformed("a trailer without a colon", "4\r\nbody\r\n0\r\nnonsense\r\n\r\n"),
  {
    ...malformed("a trailer that looks like a request", `4\r\nbody\r\n0\r\n${smuggled}`),
    seen: framed("body"),
  },
  // Deno says nothing to one that is too long: as if the upload had stalled.
  { ...trailer("of 100 kB", `X-Trailer: ${"t".repeat(100_000)}`), isOpen: true },
];
