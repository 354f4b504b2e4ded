import { type Attack, post } from "../attack.ts";

const served = (
  what: string,
  fields: readonly string[],
  seen: Readonly<Record<string, readonly string[]>> = {},
): Attack => ({
  name: `fields: ${what}`,
  rule: "serve",
  bytes: post([...fields, "Content-Length: 4"], "kept"),
  seen: [{ method: "POST", target: "/framed", body: "kept", fields: { "x-forwarded-for": ["127.0.0.1"], ...seen } }],
});

const claim = "X-Forwarded-For: 203.0.113.1";

/** What a client says of itself is not believed, and nothing of ours can be named away. */
export const claims: readonly Attack[] = [
  served("X-Forwarded-For named by Connection", ["Connection: x-forwarded-for", claim]),
  served("the id and Via named by Connection", ["Connection: x-request-id, via"]),
  served("Host named by Connection", ["Connection: host"]),
  served("X-Forwarded-Host and others named by Connection", [
    "Connection: X-Forwarded-Host, x-forwarded-proto, x-forwarded-port",
  ]),
  served("the length named by Connection", ["Connection: close, content-length"]),
  served("Cookie and Authorization named by Connection", ["Connection: cookie, authorization", "Cookie: a=1"], {
    cookie: [],
  }),
  served("X-Forwarded-For in three spellings", [claim, claim.toLowerCase(), claim.toUpperCase()]),
  served("Forwarded", ["Forwarded: for=203.0.113.1;host=evil.test;proto=https"], { forwarded: [] }),
  served("X-Forwarded-Host and -Proto", ["X-Forwarded-Host: inner.test", "X-Forwarded-Proto: https"], {
    "x-forwarded-host": ["balancer.test"],
    "x-forwarded-proto": ["http"],
  }),
  served("CF-Connecting-IP", ["CF-Connecting-IP: 203.0.113.1"]),
  served("a field that only looks like one of ours", ["X_Forwarded_For: 203.0.113.1"]),
];
