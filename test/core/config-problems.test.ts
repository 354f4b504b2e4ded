import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../src/core/config.ts";
import { backends, beside, complaints, parse, routed, web } from "../support/config.ts";

describe("problems", () => {
  const known = (key: string, keys: string) => `expected a known key, found "${key}"; known here: ${keys}`;
  const top = "$schema, listen, limits, trustedProxies, pools, routes, admin, store, log, shutdown";
  const inLimits = "bodyBytes, headBytes, headTimeout, idleTimeout, connections";
  const settable = "a header that is not bound to one connection (RFC 9110 §7.6.1)";
  const bad: readonly [unknown, ...string[]][] = [
    [[], "expected an object, found []"],
    [null, "expected an object, found null"],
    ["{}", 'expected an object, found "{}"'],
    [new Date(0), "expected an object, found a Date"],
    [{}, "pools: expected an object of pools by name, found nothing"],
    [{ pools: [] }, "pools: expected an object of pools by name, found []"],
    [{ pools: {} }, "pools: expected at least one pool, found {}"],
    [{ pools: { web: {} } }, "pools.web.backends: expected a list of backends, found nothing"],
    [
      { pools: { "a b": { backends } } },
      'pools["a b"]: expected a pool\'s name of letters, digits, dots, dashes and underscores, found "a b"',
    ],
    [
      { pools: { toString: { backends } } },
      'pools.toString: expected a pool\'s name that is not a built-in name of JavaScript, found "toString"',
    ],
    [
      { pools: { web: { backends }, constructor: { backends } }, routes: [{ pool: "web" }] },
      'pools.constructor: expected a name that is not built into JavaScript, found "constructor"',
    ],
    [
      JSON.parse('{"__proto__":{"pools":{}},"pools":{"web":{"backends":["http://a"]}}}'),
      `__proto__: ${known("__proto__", top)}`,
    ],
    [
      JSON.parse('{"pools":{"__proto__":{},"web":{"backends":["http://a"]}},"routes":[{"pool":"web"}]}'),
      'pools.__proto__: expected a name that is not built into JavaScript, found "__proto__"',
    ],
    // Unknown keys: mistyped, or of an issue to come.
    [beside({ lisen: {} }), 'lisen: expected a known key, found "lisen"; did you mean "listen"?'],
    [
      beside({ trusted_proxies: [] }),
      'trusted_proxies: expected a known key, found "trusted_proxies"; did you mean "trustedProxies"?',
    ],
    [beside({ metrics: true }), `metrics: ${known("metrics", top)}`],
    [beside({ tracing: false }), `tracing: ${known("tracing", top)}`],
    [
      beside({ listen: { tls: {}, processes: 1 } }),
      `listen.processes: ${known("processes", "port, hostname, tls, redirect")}`,
      "listen.tls.cert: expected a path, or a PEM text, found nothing",
      "listen.tls.key: expected a path, or a PEM text, found nothing",
    ],
    [
      web({ helthCheck: {} }),
      'pools.web.helthCheck: expected a known key, found "helthCheck"; did you mean "healthCheck"?',
    ],
    [web({ protocol: {} }), 'pools.web.protocol: expected "http1", "h2" or "h2c", found {}'],
    [
      web({ tls: { cert: "client.pem" } }),
      "pools.web.tls.key: expected cert and key together, found nothing",
    ],
    [
      web({ protocol: "h2" }),
      `pools.web.backends[0]: expected a URL with https, because the pool's protocol is h2, found "http://127.0.0.1:8081"`,
    ],
    [beside({ listen: [] }), "listen: expected at least one listener, found []"],
    [
      beside({ listen: { redirect: "https" } }),
      'listen.redirect: expected nothing, because there is no listener with tls to send to, found "https"',
    ],
    [beside({ admin: { token: "0123456789abcdef" } }), `admin.token: ${known("token", "path")}`],
    [beside({ admin: { listen: {} } }), `admin.listen: ${known("listen", "path")}`],
    [beside({ limits: { maxBody: 1 } }), `limits.maxBody: ${known("maxBody", inLimits)}`],
    // Something else in the place of an object or a list.
    [beside({ limits: [] }), "limits: expected an object, found []"],
    [beside({ limits: null }), "limits: expected an object, found null"],
    [beside({ log: new Map() }), "log: expected an object, found a Map"],
    [beside({ routes: {} }), "routes: expected a list of routes, found {}"],
    [web({ healthCheck: [] }), "pools.web.healthCheck: expected false or an object, found []"],
    [web({ healthCheck: true }), "pools.web.healthCheck: expected false or an object, found true"],
    // Values.
    [beside({ listen: { port: "8080" } }), 'listen.port: expected a whole number from 0 to 65535, found "8080"'],
    [beside({ listen: { port: 65536 } }), "listen.port: expected a whole number from 0 to 65535, found 65536"],
    [beside({ listen: { port: NaN } }), "listen.port: expected a whole number from 0 to 65535, found NaN"],
    [
      beside({ listen: { hostname: "a b" } }),
      'listen.hostname: expected a host name or an address to listen on, found "a b"',
    ],
    [beside({ limits: { headBytes: 10 } }), "limits.headBytes: expected a size from 1KiB, found 10"],
    [
      beside({ limits: { bodyBytes: "1MB" } }),
      'limits.bodyBytes: expected a size such as "64KiB" or "10MiB", or a number of bytes, found "1MB"',
    ],
    [beside({ limits: { bodyBytes: -1 } }), "limits.bodyBytes: expected a size from 0, found -1"],
    [
      beside({ limits: { headTimeout: "10" } }),
      'limits.headTimeout: expected a duration such as "10s" or "250ms", or a number of milliseconds, found "10"',
    ],
    [
      beside({ limits: { idleTimeout: "1000h" } }),
      'limits.idleTimeout: expected a duration from 1ms to 576h, found "1000h"',
    ],
    [beside({ limits: { connections: 0 } }), "limits.connections: expected a whole number from 1, found 0"],
    ...[
      "10.0.0.0/33",
      "::/129",
      "a.example",
      "10.0.0.0/8/8",
      "10.0.0",
      "fe80::1%eth0",
      "::ffff:10.0.0.0/104",
      "1.1.1.1/",
    ].map(
      (text): [unknown, string] => [
        beside({ trustedProxies: [text] }),
        `trustedProxies[0]: expected an IP address or a network such as "10.0.0.0/8", found "${text}"`,
      ],
    ),
    [web({ host: "a b" }), 'pools.web.host: expected "upstream", "preserve" or a host name, found "a b"'],
    [web({ retry: { attempts: -1 } }), "pools.web.retry.attempts: expected a whole number from 0 to 100, found -1"],
    [
      web({ retry: { on: ["refused", 500] } }),
      'pools.web.retry.on[0]: expected "connect-failure", "reset", "timeout", "502", "503" or "504", found "refused"',
      'pools.web.retry.on[1]: expected "connect-failure", "reset", "timeout", "502", "503" or "504", found 500',
    ],
    [
      web({ retry: { methods: ["get"] } }),
      'pools.web.retry.methods[0]: expected a method in capitals, such as "GET", found "get"',
    ],
    [web({ timeouts: { connect: 0 } }), "pools.web.timeouts.connect: expected a duration from 1ms to 576h, found 0"],
    [
      web({ healthCheck: { interval: "99ms" } }),
      'pools.web.healthCheck.interval: expected a duration from 100ms to 576h, found "99ms"',
    ],
    [
      web({ healthCheck: { jitter: "101%" } }),
      'pools.web.healthCheck.jitter: expected a percentage from 0 to 100, such as "10%" or 10, found "101%"',
    ],
    [
      web({ healthCheck: { jitter: -1 } }),
      'pools.web.healthCheck.jitter: expected a percentage from 0 to 100, such as "10%" or 10, found -1',
    ],
    [
      web({ healthCheck: { path: "up" } }),
      'pools.web.healthCheck.path: expected a path that begins with "/", found "up"',
    ],
    [
      web({ healthCheck: { path: "/", expectedBody: "/(/" } }),
      'pools.web.healthCheck.expectedBody: expected a regular expression that compiles, found "/(/"',
    ],
    [
      web({ healthCheck: { path: "/", headers: { te: "x" } } }),
      `pools.web.healthCheck.headers.te: expected ${settable}, found "te"`,
    ],
    ...["299-200", "99", "600", "2xx", "200-", "200,,201", 200.5].map((expectedStatuses): [unknown, string] => [
      web({ healthCheck: { path: "/", expectedStatuses } }),
      `pools.web.healthCheck.expectedStatuses: expected statuses from 100 to 599, such as "200-299,304", found ${
        JSON.stringify(expectedStatuses)
      }`,
    ]),
    ...["path", "method", "headers", "expectedStatuses", "expectedBody"].map((key): [unknown, string] => {
      const value = { path: "/up", method: "GET", headers: {}, expectedStatuses: 200, expectedBody: "ok" }[key];
      return [
        web({ healthCheck: { type: "tcp", [key]: value } }),
        `pools.web.healthCheck.${key}: expected nothing, because a tcp check only connects, found ${
          JSON.stringify(value)
        }; ` +
        'an http check has a "path" or "type": "http"',
      ];
    }),
    [
      { pools: { a: { backends }, b: { backends } } },
      "routes: expected routes, because there are several pools, found nothing",
    ],
    [beside({ routes: [] }), "routes: expected at least one route, found []"],
    [
      beside({ routes: [{}] }),
      "routes[0].pool: expected the name of a pool, a list of them, or an object, found nothing",
    ],
    [
      beside({ routes: [{ pool: "wbe" }] }),
      'routes[0].pool: expected the name of a pool, found "wbe"; did you mean "web"?',
    ],
    [
      beside({ routes: [{ pool: "toString" }] }),
      'routes[0].pool: expected the name of a pool, found "toString"; there are: web',
    ],
    [routed({ match: { methods: [] } }), "routes[0].match.methods: expected at least one method, found []"],
    ...["api", "/a*", "/*/a", "/a?b", "/a#b", "/a b", ""].map((path): [unknown, string] => [
      routed({ match: { path } }),
      `routes[0].match.path: expected a path such as "/api/*", with "*" only as the whole last part, found "${path}"`,
    ]),
    ...["a:80", "*.", "a.*", "", "http://a"].map((host): [unknown, string] => [
      routed({ match: { host } }),
      `routes[0].match.host: expected a host name without a port, "*." and a host name, or "*", found "${host}"`,
    ]),
    ...["/", "api", "/api/", "a", "/api/*", ""].map((prefix): [unknown, string] => [
      routed({ stripPrefix: prefix }),
      `routes[0].stripPrefix: expected a path that begins with "/" and does not end with it, found "${prefix}"`,
    ]),
    ...["Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Connection"].map((name): [unknown, string] => [
      routed({ setResponseHeaders: { [name]: "x" } }),
      `routes[0].setResponseHeaders.${name}: expected ${settable}, found "${name}"`,
    ]),
    ...["transfer-encoding", "content-length"].map((name): [unknown, string] => [
      routed({ setRequestHeaders: { [name]: "1" } }),
      `routes[0].setRequestHeaders.${name}: expected a header that does not frame the message (RFC 9112 §6), found "${name}"`,
    ]),
    [
      routed({ setRequestHeaders: { Host: "a" } }),
      'routes[0].setRequestHeaders.Host: expected a header other than host, which the pool\'s "host" decides, found "Host"',
    ],
    [
      routed({ match: { headers: { "x y": "1" } } }),
      'routes[0].match.headers["x y"]: expected a header\'s name (RFC 9110 §5.6.2), found "x y"',
    ],
    ...["a\rb", "a\nb", "a\0b", "\u0100"].map((value): [unknown, string] => [
      routed({ setResponseHeaders: { x: value } }),
      `routes[0].setResponseHeaders.x: expected a header's value without line breaks and control characters, in Latin-1, found ${
        JSON.stringify(value)
      }`,
    ]),
    [
      routed({ setRequestHeaders: { A: "1", a: "2" } }),
      'routes[0].setRequestHeaders: expected every header once (their names do not differ by capitals), found {"A":"1","a":"2"}',
    ],
    [beside({ admin: true }), "admin: expected false or an object, found true"],
    [
      beside({ admin: { path: "/" } }),
      'admin.path: expected a path such as "/_roundabout", of letters, digits and "-._~", found "/"',
    ],
    [beside({ store: "redis" }), 'store: expected "memory" or an object with "type": "kv", found "redis"'],
    [
      beside({ store: { type: "deno-kv" } }),
      'store.type: expected "kv", found "deno-kv"',
      'store.binding: expected the name of a binding, such as "POOLS", found nothing',
    ],
    [beside({ log: { level: "warning" } }), 'log.level: expected "debug", "info", "warn" or "error", found "warning"'],
    [beside({ log: { access: "yes" } }), 'log.access: expected true or false, found "yes"'],
    [beside({ shutdown: { timeout: -1 } }), "shutdown.timeout: expected a duration from 0 to 576h, found -1"],
  ];
  for (const [raw, ...expected] of bad) {
    it(`refuses ${JSON.stringify(raw)}`, () => assert.deepEqual(complaints(() => parse(raw)), expected));
  }

  it("tells all at once, from every part", () => {
    const told = complaints(() =>
      parse({
        prots: 1,
        listen: { port: -1 },
        pools: {
          web: { backends: ["http://a", { url: "ftp://b", weight: -1 }], retry: { attempts: "1" } },
          api: { backends: [] },
        },
        routes: [{ pool: "app", stripPrefix: "x" }],
      })
    );
    assert.deepEqual(told.map((line) => line.split(":")[0]), [
      "prots",
      "listen.port",
      "pools.web.backends[1].url",
      "pools.web.backends[1].weight",
      "pools.web.retry.attempts",
      "pools.api.backends",
      "routes[0].stripPrefix",
      "routes[0].pool",
    ]);
  });

  it("keeps them as data too", () => {
    assert.throws(() => parse(web({ helthCheck: 1 })), (error: unknown) => {
      assert(error instanceof ConfigError);
      assert.equal(error.name, "ConfigError");
      assert.deepEqual(error.problems, [{
        path: ["pools", "web", "helthCheck"],
        expected: "a known key",
        found: '"helthCheck"',
        hint: 'did you mean "healthCheck"?',
      }]);
      return true;
    });
  });

  it("shows no more than 60 characters, and nothing of a password however long", () => {
    const [long] = complaints(() => parse(beside({ admin: ["x".repeat(10_000)] })));
    assert.equal(long?.length, "admin: expected false or an object, found ".length + 60);
    const [secret] = complaints(() => parse(web({ backends: [`http://me:${"secret".repeat(50)}@a`] })));
    assert.match(String(secret), /found "http:\/\/\*\*\*@a"$/);
  });

  it("ends for a configuration that contains itself", () => {
    const circle: Record<string, unknown> = {};
    circle["limits"] = circle;
    circle["admin"] = [circle];
    assert.equal(complaints(() => parse(circle)).length, 4);
  });
});
