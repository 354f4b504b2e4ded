import { type Attack, message, type Seen } from "../attack.ts";

const request = (...hosts: string[]) =>
  message(["GET /hosted HTTP/1.1", ...hosts.map((host) => `Host: ${host}`), "X-One: a"]);

const seen = (host?: string, backend: "main" | "inner" = "main"): readonly Seen[] => [{
  method: "GET",
  target: "/hosted",
  backend,
  ...(host !== undefined && { fields: { "x-forwarded-host": [host] } }),
}];

const refuse = (what: string, ...hosts: string[]): Attack => ({
  name: `Host ${what}`,
  rule: "refuse",
  bytes: request(...hosts),
});

const serve = (what: string, host: string, backend: "main" | "inner" = "main"): Attack => ({
  name: `Host ${what}`,
  rule: "serve",
  bytes: request(host),
  seen: seen(host, backend),
});

/** Host is a host and a port or the request is refused, before any URL is made of it (RFC 9112 §3.2). */
export const hosts: readonly Attack[] = [
  refuse("with a path that climbs", "a/../x"),
  refuse("with a path below a known name", "inner.test/x"),
  refuse("with a fragment", "a#x"),
  refuse("with a query", "a?x"),
  refuse("with a known name before a query", "inner.test?x"),
  refuse("with a user", "u@inner.test"),
  refuse("with a user and a password", "u:p@inner.test"),
  refuse("with a known name as its user", "balancer.test@evil.test"),
  refuse("with a backslash", "balancer.test\\inner.test"),
  refuse("with a space", "balancer.test inner.test"),
  refuse("with a tab", "balancer.test\tinner.test"),
  refuse("with a NUL", "balancer.test\0inner.test"),
  refuse("with a comma", "balancer.test,inner.test"),
  refuse("with a comma and a space", "balancer.test, balancer.test"),
  refuse("with a scheme", "http://inner.test"),
  refuse("with an escape", "inner%2etest"),
  refuse("with quotes", '"inner.test"'),
  refuse("with an asterisk", "*.test"),
  refuse("with bytes beyond ASCII", "b\xc3\xbccher.test"),
  refuse("with a full-width dot", "inner\xe3\x80\x82test"),
  refuse("with a port that is no number", "inner.test:80x"),
  refuse("with a negative port", "inner.test:-80"),
  refuse("with a port beyond 65535", "inner.test:99999"),
  refuse("with a port of 30 digits", `inner.test:${"1".repeat(30)}`),
  refuse("with two ports", "inner.test:80:80"),
  refuse("with a port and a user", "inner.test:80@evil.test"),
  refuse("with a port alone", ":80"),
  refuse("with a broken IPv6 address", "[::1"),
  refuse("with an IPv6 address without brackets", "::1"),
  refuse("with an IPv6 address that is none", "[::g]"),
  refuse("with an IPv6 zone", "[fe80::1%25eth0]"),
  refuse("with a name in brackets", "[inner.test]"),
  refuse("of 1,000 letters", "a".repeat(1000)),
  refuse("twice, different", "balancer.test", "inner.test"),
  refuse("twice, the same", "balancer.test", "balancer.test"),
  { ...refuse("twice, the first empty", "", "inner.test"), seen: seen("inner.test", "inner") },
  refuse("twice, the second empty", "balancer.test", ""),
  {
    name: "Host twice, the second in a fold",
    rule: "either",
    bytes: message(["GET /hosted HTTP/1.1", "Host: balancer.test", " Host: inner.test"]),
    seen: [{ method: "GET", target: "/hosted", fields: { "x-forwarded-host": ["balancer.test"] } }],
  },
  refuse("that is empty", ""),
  { ...refuse("that is missing"), seen: seen() },
  {
    name: "Host that is missing, of HTTP/1.0",
    rule: "either",
    bytes: message(["GET /hosted HTTP/1.0", "X-One: a"]),
    seen: seen(),
  },
  serve("in capitals is routed as in small letters", "INNER.TEST", "inner"),
  serve("with a port is routed without it", "inner.test:8080", "inner"),
  serve("with an empty port is routed without it", "inner.test:", "inner"),
  serve("with an IPv6 address and a port", "[::1]:80"),
  serve("that names somebody else is still ours", "127.0.0.1:22"),
];
