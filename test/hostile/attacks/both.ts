import { type Attack, framed, message, post, smuggled } from "../attack.ts";

const chunked = "4\r\nbody\r\n0\r\n\r\n";
const te = "Transfer-Encoding: chunked";

/**
 * Both a length and a coding. A server may go by the chunks, but then closes (RFC 9112 §6.1): what follows is never a request.
 * A coding that is not exactly chunked beside a length is the classic smuggling: the one goes by it, the other does not.
 */
const pair = (what: string, lines: readonly string[], isExact = false): Attack => ({
  name: `both framings: ${what}`,
  rule: isExact ? "either" : "refuse",
  bytes: post(lines, `${chunked}${smuggled}`),
  seen: framed("body"),
});

const all = `Content-Length: ${chunked.length + smuggled.length}`;

export const bothFramings: readonly Attack[] = [
  pair("a length and then chunked", ["Content-Length: 4", te], true),
  pair("chunked and then a length", [te, "Content-Length: 4"], true),
  pair("a length of 0 and chunked", ["Content-Length: 0", te], true),
  pair("chunked and a length that takes everything", [te, all], true),
  pair("a length that takes everything and chunked", [all, te], true),
  pair("two lengths and chunked", ["Content-Length: 4", te, "Content-Length: 4"], true),
  pair("two other lengths and chunked", ["Content-Length: 4", te, "Content-Length: 14"], true),
  pair("a length that is none and chunked", ["Content-Length: x", te]),
  pair("a negative length and chunked", ["Content-Length: -1", te]),
  pair("a length and a coding with a space before the colon", [all, "Transfer-Encoding : chunked"]),
  pair("a length and a coding with a tab before the colon", [all, "Transfer-Encoding\t: chunked"]),
  pair("a length and xchunked", [all, "Transfer-Encoding: xchunked"]),
  pair("a length and identity", [all, "Transfer-Encoding: identity"]),
  pair("a length and an empty coding", [all, "Transfer-Encoding:"]),
  pair("a length and a coding in quotes", [all, 'Transfer-Encoding: "chunked"']),
  pair("a length and a coding with a vertical tab", [all, "Transfer-Encoding:\x0bchunked"]),
  pair("a length and a coding with a NUL", [all, "Transfer-Encoding: chunked\0"]),
  pair("a length and a coding with a byte beyond ASCII", [all, "Transfer-Encoding: chunked\xff"]),
  pair("a length and two codings, the first unknown", [all, "Transfer-Encoding: x", te]),
  pair("a length and two codings, the last unknown", [all, te, "Transfer-Encoding: x"]),
  pair("a length and a coding behind a bare CR", [all, `X: y\r${te}`]),
  {
    name: "both framings: chunked and a length, that Connection names both",
    rule: "either",
    bytes: post(["Connection: transfer-encoding, content-length", te, "Content-Length: 4"], `${chunked}${smuggled}`),
    seen: framed("body"),
  },
  {
    name: "both framings: chunked, that Connection names",
    rule: "either",
    bytes: post(["Connection: transfer-encoding", te], chunked),
    seen: framed("body"),
  },
  {
    name: "both framings: a chunked request of HTTP/1.0",
    // RFC 9112 §6.1: "a server ... MUST treat the message as if the framing is faulty".
    rule: "refuse",
    bytes: message(["POST /framed HTTP/1.0", "Host: balancer.test", te], `${chunked}${smuggled}`),
    seen: framed("body"),
  },
  {
    name: "both framings: a chunked request of HTTP/1.0 that also has a length",
    rule: "refuse",
    bytes: message(
      ["POST /framed HTTP/1.0", "Host: balancer.test", "Connection: keep-alive", te, all],
      `${chunked}${smuggled}`,
    ),
    seen: framed("body"),
  },
];

/** A body where most have none: forwarded whole or refused, but never left behind as a request. */
export const bodiesOfMethods: readonly Attack[] = ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "PROPFIND"].map(
  (method): Attack => ({
    name: `a chunked ${method} with a request as its body`,
    rule: "either",
    bytes: message(
      [`${method} /framed HTTP/1.1`, "Host: balancer.test", te],
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    ),
    seen: [{ method, target: "/framed", body: smuggled }],
  }),
);
