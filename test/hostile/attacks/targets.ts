import { type Attack, message, type Seen } from "../attack.ts";

type Line = string | ((decoy: number) => string);

const target = (
  what: string,
  rule: Attack["rule"],
  line: Line,
  path: string | RegExp,
  more: Partial<Seen> = {},
): Attack => ({
  name: `target: ${what}`,
  rule,
  bytes: (decoy) => message([`GET ${typeof line === "string" ? line : line(decoy)} HTTP/1.1`, "Host: balancer.test"]),
  seen: [{ method: "GET", target: path, fields: { "x-forwarded-host": ["balancer.test"] }, ...more }],
});

const long = "x".repeat(20_000);
const nothing = /^$/;
const inner: Partial<Seen> = {
  backend: "inner",
  fields: { "x-forwarded-host": ["inner.test"], "x-forwarded-proto": ["http"] },
};
/** Where the runtime drops the target's host and goes by Host. */
const byHost: readonly Seen[] = [{ method: "GET", target: "/x", fields: { "x-forwarded-host": ["balancer.test"] } }];

/** Where a request goes is decided on what is sent on, and no target leads to anybody but the route's backend. */
export const targets: readonly Attack[] = [
  target("in absolute form, of the same host", "either", "http://balancer.test/x?y=1", "/x?y=1"),
  // RFC 9112 §3.2.2: the target's host holds, whatever Host says. Whoever stands in front may have gone by the other.
  {
    ...target("in absolute form, of another route's host", "either", "http://inner.test/x", "/x", inner),
    seenByGap: byHost,
  },
  target("in absolute form, of nobody's host", "either", (decoy) => `http://127.0.0.1:${decoy}/x`, "/x", {
    fields: {},
  }),
  {
    ...target("in absolute form, of another port", "either", "http://balancer.test:81/x", "/x", {
      fields: { "x-forwarded-host": ["balancer.test:81"] },
    }),
    seenByGap: byHost,
  },
  target("in absolute form, of https", "either", "https://balancer.test/x", "/x", {
    fields: { "x-forwarded-proto": ["http"] },
  }),
  {
    ...target("in absolute form, of https and another host", "either", "https://inner.test/x", "/x", inner),
    seenByGap: byHost,
  },
  target("in absolute form, of ftp", "refuse", "ftp://balancer.test/x", "/x"),
  target("in absolute form, of file", "refuse", "file:///etc/passwd", "/file:///etc/passwd"),
  target("in absolute form, with a user", "refuse", (decoy) => `http://balancer.test@127.0.0.1:${decoy}/x`, "/x"),
  target("in absolute form, with a user of the same host", "refuse", "http://user:secret@balancer.test/x", "/x"),
  target("in absolute form, without a path", "either", "http://balancer.test", "/"),
  target(
    "in absolute form, without a path but with a query",
    "either",
    "http://balancer.test?x=/inner/",
    "/?x=/inner/",
  ),
  target("in absolute form, without a host", "refuse", "http:///x", /^\/(http:\/\/\/)?x$/),
  target("in absolute form, with one slash", "refuse", "http:/x", nothing),
  target("in absolute form, without slashes", "refuse", "http:x", "/"),
  target("in absolute form, with backslashes", "refuse", "http:\\\\inner.test/x", nothing),
  target("in absolute form, with a port beyond 65535", "refuse", "http://balancer.test:99999/x", "/x"),
  target("in authority form", "refuse", "balancer.test:80", "/"),
  target("that begins with two slashes", "either", (decoy) => `//127.0.0.1:${decoy}/x`, /^\/{1,2}127\.0\.0\.1:\d+\/x$/),
  target("that begins with three slashes", "either", "///inner.test/x", /^\/{1,3}inner\.test\/x$/),
  target("that begins with two slashes and a user", "either", "//u@inner.test/x", /^\/{1,2}u@inner\.test\/x$/),
  target(
    "that begins with a slash and a backslash",
    "either",
    (decoy) => `/\\127.0.0.1:${decoy}/x`,
    /^\/[/\\]?127\.0\.0\.1:\d+\/x$/,
  ),
  target("that begins with a backslash", "refuse", "\\x", nothing),
  target("that begins with an at sign", "refuse", (decoy) => `@127.0.0.1:${decoy}/x`, nothing),
  target("that begins with a colon", "refuse", ":80/x", nothing),
  target("that begins with a dot", "refuse", "../x", nothing),
  target("that begins with a question mark", "refuse", "?x", nothing),
  target("that begins with a letter", "refuse", "x", "/"),
  target("that is an asterisk, with GET", "refuse", "*", "/"),
  target("that is empty", "refuse", "", nothing),
  target("with a fragment", "either", "/x#frag", "/x"),
  target("with a fragment before its query", "either", "/x#y?z", "/x"),
  target("with a backslash in its path", "either", "/a\\b", /^\/a(\/|\\|%5[cC])b$/),
  target("with a control character", "refuse", "/a\x01b", nothing),
  target("with a tab", "refuse", "/a\tb", nothing),
  target("with a vertical tab", "refuse", "/a\x0bb", nothing),
  target("with a DEL", "either", "/a\x7fb", "/a%7Fb"),
  target("with a space in it", "refuse", "/a b", nothing),
  target("with a field behind an encoded line end", "serve", "/a%0d%0aX:%20y", "/a%0d%0aX:%20y"),
  target("with bytes of UTF-8", "either", "/caf\xc3\xa9", /^\/caf(\xc3\xa9|%C3%A9)$/),
  // U+010D, U+010A and U+0120: a line end and a space to whoever keeps the low byte only.
  target(
    "with letters whose low bytes are a line end",
    "either",
    "/x\xc4\x8d\xc4\x8aX",
    /^\/x(\xc4\x8d\xc4\x8a|%C4%8D%C4%8A)X$/,
  ),
  target("with letters whose low bytes are a space", "either", "/x\xc4\xa0HTTP", /^\/x(\xc4\xa0|%C4%A0)HTTP$/),
  target("with a byte that is no UTF-8", "either", "/caf\xe9", /^\/caf(\xe9|%E9|%EF%BF%BD)$/),
  target("with an encoded NUL", "serve", "/a%00b", "/a%00b"),
  target("with a broken escape", "either", "/a%zz%", "/a%zz%"),
  target("with a double escape", "serve", "/%252e%252e/x", "/%252e%252e/x"),
  target("with brackets and pipes", "either", "/a{b}|c^d`e", /^\/a(\{|%7B)b(\}|%7D)(\||%7C)c(\^|%5E)d(`|%60)e$/),
  target("with quotes", "either", '/a"b<c>', /^\/a("b<c>|%22b%3Cc%3E)$/),
  target("with a semicolon climbing", "serve", "/..;/x", "/..;/x"),
  target("with dots in its query", "serve", "/x?/../inner/y", "/x?/../inner/y"),
  target("with an encoded question mark", "either", "/x%3f/../y", /^\/(x%3f\/\.\.\/)?y$/),
  target("of 20 kB", "refuse", `/${long}`, nothing),
  target("of 20 kB of query", "refuse", `/?${long}`, nothing),
  target("of 20 kB of host", "refuse", `http://${long}/x`, "/x"),
];

/** What a path says after its dots are resolved is what is routed on: to the inner backend exactly when it says so. */
const climbing = (line: string, backend: "main" | "inner", path: RegExp): Attack => ({
  name: `target: ${line} is routed as it is sent`,
  rule: "either",
  bytes: message([`GET ${line} HTTP/1.1`, "Host: balancer.test"]),
  seen: [{ method: "GET", target: path, backend }],
});

export const climbs: readonly Attack[] = [
  climbing("/a/./../b", "main", /^\/b$/),
  climbing("/../../../etc/passwd", "main", /^\/etc\/passwd$/),
  climbing("/open/../inner/secret", "inner", /^\/inner\/secret$/),
  climbing("/open/%2e%2e/inner/secret", "inner", /^\/inner\/secret$/),
  climbing("/open/.%2E/inner/secret", "inner", /^\/inner\/secret$/),
  climbing("/open/%2e%2e%2finner/secret", "main", /^\/open\/%2e%2e%2finner\/secret$/),
  climbing("/inner/../open", "main", /^\/open$/),
  climbing("/inner/%2e%2e/open", "main", /^\/open$/),
  climbing("/inner/..", "main", /^\/$/),
  climbing("/./inner/secret", "inner", /^\/inner\/secret$/),
  climbing("/open/..\\inner/secret", "inner", /^\/inner\/secret$/),
  climbing("/inner\\..\\open", "main", /^\/open$/),
  climbing("/x/../caf\xc3\xa9", "main", /^\/caf(\xc3\xa9|%C3%A9)$/),
];
