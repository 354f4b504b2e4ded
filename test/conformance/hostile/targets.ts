import assert from "node:assert/strict";
import type { ConformanceCase } from "../case.ts";
import { attack, isRefusal, targetsOf } from "./attack.ts";

const odd: readonly { readonly what: string; readonly line: (decoy: number) => string; readonly path: RegExp }[] = [
  {
    what: "an absolute-form target",
    line: (decoy) => `GET http://127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`,
    path: /^\/x$/,
  },
  {
    what: "an absolute-form target of another scheme",
    line: (decoy) => `GET ftp://127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`,
    path: /^\/x$/,
  },
  {
    what: "a target that begins with two slashes",
    line: (decoy) => `GET //127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`,
    path: /^\/{1,2}127\.0\.0\.1:\d+\/x$/,
  },
  {
    what: "a target that begins with a backslash",
    line: (decoy) => `GET /\\127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`,
    path: /^\/(\/|\\|%5[cC])?127\.0\.0\.1:\d+\/x$/,
  },
  {
    what: "a target with an at sign",
    line: (decoy) => `GET @127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`,
    path: /^\/@127\.0\.0\.1:\d+\/x$/,
  },
  {
    what: "a target with dots that climb",
    line: () => "GET /../../../etc/passwd HTTP/1.1\r\nHost: balancer.test",
    path: /^(\/\.\.)*\/etc\/passwd$/,
  },
  { what: "OPTIONS *", line: () => "OPTIONS * HTTP/1.1\r\nHost: balancer.test", path: /^(\*|\/\*|\/)$/ },
  {
    what: "a Host that names somebody else",
    line: (decoy) => `GET /x HTTP/1.1\r\nHost: 127.0.0.1:${decoy}`,
    path: /^$/,
  },
  { what: "a Host that holds a path", line: () => "GET /s HTTP/1.1\r\nHost: a/../x", path: /^$/ },
  {
    what: "a Host that holds a path below a known name",
    line: () => "GET /s HTTP/1.1\r\nHost: balancer.test/x?",
    path: /^$/,
  },
  {
    what: "a Host with a user",
    line: (decoy) => `GET /s HTTP/1.1\r\nHost: balancer.test@127.0.0.1:${decoy}`,
    path: /^$/,
  },
  { what: "a Host with a space", line: () => "GET /s HTTP/1.1\r\nHost: balancer.test x", path: /^$/ },
  {
    what: "two Hosts",
    line: (decoy) => `GET /s HTTP/1.1\r\nHost: balancer.test\r\nHost: 127.0.0.1:${decoy}`,
    path: /^$/,
  },
  { what: "an empty Host", line: () => "GET /s HTTP/1.1\r\nHost: ", path: /^$/ },
  { what: "no Host", line: () => "GET /s HTTP/1.1\r\nX: y", path: /^$/ },
];

const malformed: readonly { readonly what: string; readonly bytes: string }[] = [
  {
    what: "a NUL in a field",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\nX-Bad: a\0b\r\n\r\n",
  },
  {
    what: "a bare CR in a field",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\nX-Bad: a\rX-Injected: yes\r\n\r\n",
  },
  {
    what: "a bare LF in a field",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\nX-Bad: a\nX-Injected: yes\r\n\r\n",
  },
  {
    what: "a folded field",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\nX-Bad: a\r\n X-Injected: yes\r\n\r\n",
  },
  {
    what: "a field without a name",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n: nameless\r\n\r\n",
  },
  {
    what: "a line that is no field",
    bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\nnonsense\r\n\r\n",
  },
  { what: "a request line of garbage", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
];

export const targetCases: readonly ConformanceCase[] = [
  ...odd.map(
    ({ what, line, path }): ConformanceCase => ({
      name: `hostile: ${what} leads nowhere else`,
      async run(context) {
        const outcome = await attack(context, (decoy) => `${line(decoy)}\r\nConnection: close\r\n\r\n`);
        for (const target of targetsOf(outcome)) assert.match(target, path);
        if (outcome.arrivals.length === 0) assert.ok(isRefusal(outcome));
        for (const arrival of outcome.arrivals) assert.equal(arrival.all("host").length, 1);
      },
    }),
  ),
  ...malformed.map(
    ({ what, bytes }): ConformanceCase => ({
      name: `hostile: ${what} is refused or harmless`,
      async run(context) {
        const outcome = await attack(context, () => Buffer.from(bytes, "latin1"));
        assert.ok(outcome.arrivals.length <= 1);
        for (const arrival of outcome.arrivals) {
          assert.equal(arrival.target, "/bytes");
          assert.doesNotMatch(
            arrival.head.toString("latin1").replaceAll("\r\n", ""),
            /[\r\n\0]/,
            "no stray byte goes on",
          );
          // A bare LF ends a line for some servers (RFC 9112 §2.2): then it is a field like any other.
          if (!what.includes("LF")) assert.equal(arrival.field("x-injected"), undefined);
        }
      },
    }),
  ),
];
