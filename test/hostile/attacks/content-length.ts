import { type Attack, framed, post, smuggled } from "../attack.ts";

const lengths = (...values: string[]) => values.map((value) => `Content-Length: ${value}`);

/** A length that is none, before a body that would be a request by another reading. */
const malformed = (what: string, ...values: string[]): Attack => ({
  name: `Content-Length ${what}`,
  rule: "refuse",
  bytes: post(lengths(...values), `body${smuggled}`),
});

/** What Content-Length may not say (RFC 9112 §6.3: "the message framing is invalid"), and what it may say twice. */
export const contentLengths: readonly Attack[] = [
  malformed("of two values in two lines, the shorter first", "0", "4"),
  malformed("of two values in two lines, the longer first", "4", "0"),
  malformed("of two values in one line", "4, 0"),
  malformed("of two values in one line, without a space", "0,4"),
  malformed("of three values, one of them other", "4", "4", "0"),
  {
    name: "Content-Length twice, the same",
    rule: "either",
    bytes: post(lengths("4", "4"), "body"),
    seen: framed("body"),
  },
  {
    name: "Content-Length twice in one line, the same",
    rule: "either",
    bytes: post(lengths("4, 4"), "body"),
    seen: framed("body"),
  },
  malformed("with a plus", "+4"),
  malformed("with a minus", "-4"),
  malformed("of minus zero", "-0"),
  malformed("in hex", "0x4"),
  malformed("in hex without a prefix", "a"),
  malformed("with an exponent", "4e0"),
  malformed("with a decimal point", "4.0"),
  malformed("that is empty", ""),
  malformed("of two numbers and a space", "4 0"),
  malformed("of a number and a letter", "4x"),
  malformed("of a number and a semicolon", "4;"),
  malformed("in quotes", '"4"'),
  malformed("with an underscore", "0_4"),
  malformed("with a trailing comma", "4,"),
  malformed("with a leading comma", ",4"),
  malformed("with a vertical tab", "\x0b4"),
  malformed("with a form feed behind", "4\x0c"),
  malformed("with a no-break space", "4\xa0"),
  malformed("with a NUL behind", "4\0"),
  malformed("in digits of another script", "\xd9\xa4"),
  malformed("of 2^63", "9223372036854775808"),
  malformed("of 2^64", "18446744073709551616"),
  malformed("of 2^64 and the body's length", "18446744073709551620"),
  {
    // Large but a length: its body never ends, and must not end earlier.
    ...malformed("of 2^32 and the body's length, in 30 digits", "000000000000000000004294967300"),
    isOpen: true,
  },
  malformed("of 30 nines", "9".repeat(30)),
  {
    name: "Content-Length of 2^53, more than a number holds",
    rule: "refuse",
    isOpen: true,
    bytes: post(lengths("9007199254740993"), "body"),
  },
  {
    name: "Content-Length with leading zeros",
    rule: "either",
    bytes: post(lengths("0004"), "body"),
    seen: framed("body"),
  },
  {
    name: "Content-Length with tabs around it",
    rule: "either",
    bytes: post(["Content-Length:\t4\t"], "body"),
    seen: framed("body"),
  },
  {
    name: "Content-Length shorter than what follows",
    rule: "either",
    bytes: post(lengths("4"), `body${smuggled}`),
    seen: [...framed("body"), { method: "GET", target: "/smuggled" }],
  },
  {
    name: "Content-Length longer than what follows",
    rule: "refuse",
    isOpen: true,
    bytes: post(lengths("1000"), smuggled),
  },
  {
    name: "Content-Length named by Connection",
    rule: "either",
    bytes: post(["Connection: content-length", "Content-Length: 4"], "body"),
    seen: framed("body"),
  },
  {
    name: "Content-Length on a GET, with a request as its body",
    rule: "either",
    bytes: `GET /framed HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    seen: [{ method: "GET", target: "/framed", body: smuggled }],
  },
  {
    name: "Content-Length on a DELETE, with a request as its body",
    rule: "either",
    bytes: `DELETE /framed HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    seen: [{ method: "DELETE", target: "/framed", body: smuggled }],
  },
  {
    name: "Content-Length that a name almost is",
    rule: "serve",
    bytes: post(["Content_Length: 100", "Content-Length: 4"], "body"),
    seen: framed("body"),
  },
];
