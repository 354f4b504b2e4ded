import { type Attack, get, message, post, smuggled } from "../attack.ts";

/** A request that is answered before its body was read: the rest of the body is never a request (RFC 9112 §9.3). */
const early = (what: string, lines: readonly string[], body = smuggled.repeat(30)): Attack => ({
  name: `early answer: ${what} leaves its body nowhere`,
  rule: "refuse",
  bytes: message([...lines, `Content-Length: ${body.length}`], body),
});

const chunked = (lines: readonly string[], body: string) =>
  message([...lines, "Transfer-Encoding: chunked"], `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);

const start = ["POST /early HTTP/1.1", "Host: balancer.test"];
const small = ["POST /early HTTP/1.1", "Host: small.test"];

export const earlyAnswers: readonly Attack[] = [
  early("a 413", small),
  early("a 413 for 1 MB", small, smuggled.repeat(15_000)),
  early("a 413 that was asked for with Expect", [...small, "Expect: 100-continue"]),
  {
    name: "early answer: a 413 in the middle of chunks leaves the rest nowhere",
    rule: "refuse",
    bytes: chunked(small, smuggled.repeat(30)),
  },
  early("a 400 for its Host", [start[0]!, "Host: a/../x"]),
  early("a 405", ["TRACE /early HTTP/1.1", "Host: balancer.test"]),
  early("a 501 for its upgrade", [...start, "Connection: upgrade", "Upgrade: h2c"]),
  early("a 501 for gRPC", [...start, "Content-Type: application/grpc"]),
  early("a 508", [...start, "Via: 1.1 roundabout"]),
  {
    name: "early answer: a 501 leaves its chunks nowhere",
    rule: "refuse",
    bytes: chunked([...start, "Content-Type: application/grpc"], smuggled),
  },
];

const asks = (method: string, target: string) => ({ method, target });

/** Requests one behind the other: each is one, in its order, or the connection ends. */
export const pipelines: readonly Attack[] = [
  {
    name: "pipelining: what stands behind a malformed request is none",
    rule: "either",
    bytes: `${get("/1")}GET /2 HTTP/1.1\r\nHost : x\r\n\r\n${smuggled}`,
    seen: [asks("GET", "/1")],
  },
  {
    name: "pipelining: what stands behind a framing that is none is no request",
    rule: "either",
    bytes: `${get("/1")}${post(["Content-Length: 4", "Content-Length: 0"], `body${smuggled}`)}`,
    seen: [asks("GET", "/1")],
  },
  {
    name: "pipelining: what stands behind Connection: close is no request",
    rule: "either",
    bytes: get("/1", "Connection: close") + smuggled,
    seen: [asks("GET", "/1")],
  },
  {
    name: "pipelining: what stands behind Connection: x, CLOSE is no request",
    rule: "either",
    bytes: get("/1", "Connection: x, CLOSE") + smuggled,
    seen: [asks("GET", "/1")],
  },
  {
    name: "pipelining: what stands behind a request of HTTP/1.0 is none",
    rule: "either",
    bytes: message(["GET /1 HTTP/1.0", "Host: balancer.test"]) + smuggled,
    seen: [asks("GET", "/1")],
  },
  {
    name: "pipelining: a HEAD, a POST and a GET are three",
    rule: "either",
    bytes: message(["HEAD /1 HTTP/1.1", "Host: balancer.test"]) + post(["Content-Length: 4"], "body") + get("/3"),
    seen: [asks("HEAD", "/1"), { method: "POST", target: "/framed", body: "body" }, asks("GET", "/3")],
  },
  {
    name: "pipelining: twenty requests are twenty, in their order",
    rule: "either",
    bytes: Array.from({ length: 20 }, (_, index) => get(`/${index}`)).join(""),
    seen: Array.from({ length: 20 }, (_, index) => asks("GET", `/${index}`)),
  },
];

const expecting = (what: string, method: string, value: string, rest: readonly string[] = [], body = ""): Attack => ({
  name: `Expect ${what}`,
  rule: "either",
  bytes: message([`${method} /expect HTTP/1.1`, "Host: balancer.test", `Expect: ${value}`, ...rest], body),
  seen: [{ method, target: "/expect", body, fields: { expect: [] } }],
});

/** A backend that sees Expect answers twice or waits: both put the answers of a kept connection out of step. */
export const expectations: readonly Attack[] = [
  expecting("on a GET", "GET", "100-continue"),
  expecting("on a HEAD", "HEAD", "100-continue"),
  expecting("on a POST without a body", "POST", "100-continue", ["Content-Length: 0"]),
  expecting("with its body at once", "POST", "100-continue", ["Content-Length: 4"], "body"),
  expecting("of something else", "GET", "200-ok"),
  expecting("of two things", "POST", "x, 100-continue", ["Content-Length: 4"], "body"),
  expecting("in capitals", "POST", "100-CONTINUE", ["Content-Length: 4"], "body"),
  expecting("twice", "POST", "100-continue\r\nExpect: 100-continue", ["Content-Length: 4"], "body"),
  expecting("of a longer word", "POST", "100-continuex", ["Content-Length: 4"], "body"),
];
