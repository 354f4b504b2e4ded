import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Hono } from "hono";
import type { Ports } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/errors.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { parseHead } from "../../src/transports/http1/head.ts";
import { switchedResponse } from "../../src/transports/websocket/switched.ts";
import { createEchoing, createTestBalancer } from "../support/test-balancer.ts";
import { clientAt } from "../support/test-ports.ts";

/** A backend that answers with its name. */
const named = (name: string, status: 200 | 503 = 200) => new Hono().all("*", (context) => context.text(name, status));

async function texts(balancer: { ask(target: string): Promise<Response> }, count: number): Promise<string> {
  let joined = "";
  for (let request = 0; request < count; request++) joined += await (await balancer.ask("/")).text();
  return joined;
}

describe("what a backend gets", () => {
  it("is method, path, query and body as they came", async () => {
    const { sees } = createEchoing();
    const seen = await sees("/a/b%2Fc//d?x=1&&y=%20", {
      method: "PATCH",
      body: "hello",
      headers: { "content-type": "text/x-own" },
    });
    assert.deepEqual([seen.method, seen.url, seen.body], ["PATCH", "http://a.test/a/b%2Fc//d?x=1&&y=%20", "hello"]);
    assert.equal(seen.headers["content-type"], "text/x-own");
  });

  it("is below its base path", async () => {
    const { sees } = createEchoing({ backends: ["http://a.test/base"] });
    assert.equal((await sees("/x?y")).url, "http://a.test/base/x?y");
  });

  it("tells of the client", async () => {
    const { sees } = createEchoing({}, {}, { client: () => clientAt("198.51.100.7", 8443) });
    const { headers } = await sees("/", {
      headers: { host: "shop.test:8443", "x-forwarded-for": "203.0.113.9", forwarded: "for=x" },
    });
    const { accept: _, "user-agent": __, ...rest } = headers;
    assert.deepEqual(rest, {
      "x-forwarded-for": "198.51.100.7",
      "x-forwarded-host": "shop.test:8443",
      "x-forwarded-port": "8443",
      "x-forwarded-proto": "http",
      "x-request-id": "id-1",
      via: "1.1 roundabout",
    });
  });

  it("has the port of the scheme where the runtime does not know it", async () => {
    const { seen, fetch } = createEchoing({}, {}, { client: () => clientAt(undefined, undefined) });
    await (await fetch(new Request("https://front.test/"))).text();
    await (await fetch(new Request("http://front.test/"))).text();
    assert.deepEqual(seen.map(({ headers }) => `${headers["x-forwarded-proto"]} ${headers["x-forwarded-port"]}`), [
      "https 443",
      "http 80",
    ]);
    assert.ok(seen.every(({ headers }) => !("x-forwarded-for" in headers)));
  });

  it("keeps what a trusted proxy says, its id too", async () => {
    const { sees } = createEchoing({}, { trustedProxies: ["192.0.2.0/24"] });
    const claims = {
      "x-forwarded-for": "203.0.113.9",
      "x-forwarded-proto": "https",
      forwarded: "for=203.0.113.9",
      "x-request-id": "theirs",
    };
    const { headers } = await sees("/", { headers: claims });
    for (const [name, value] of Object.entries({ ...claims, "x-forwarded-for": "203.0.113.9, 192.0.2.1" })) {
      assert.equal(headers[name], value);
    }
  });

  const hosts: { host: string | undefined; expected: string | undefined }[] = [
    { host: undefined, expected: undefined },
    { host: "preserve", expected: "shop.test:1" },
    { host: "fixed.test", expected: "fixed.test" },
  ];
  for (const { host, expected } of hosts) {
    it(`has the Host ${expected ?? "of the backend"} with host ${host ?? "left out"}`, async () => {
      const { sees } = createEchoing(host === undefined ? {} : { host });
      assert.equal((await sees("/", { headers: { host: "shop.test:1" } })).headers["host"], expected);
    });
  }

  it("is what its route makes of it", async () => {
    const route = {
      match: { path: "/api/*" },
      pool: "web",
      stripPrefix: "/api",
      addPrefix: "/v2",
      setRequestHeaders: { "X-Own": "1" },
    };
    const { sees } = createEchoing({}, { routes: [route] });
    const { url, headers } = await sees("/api/x?y", { headers: { "x-own": "0" } });
    assert.deepEqual([url, headers["x-own"]], ["http://a.test/v2/x?y", "1"]);
  });
});

describe("what a client gets", () => {
  it("is status, fields and body as they came", async () => {
    const app = new Hono().get("/", () => {
      const headers = new Headers({
        "content-type": "text/x-own",
        location: "http://a.test/else",
        connection: "x-hop",
        "x-hop": "1",
        "keep-alive": "timeout=5",
      });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response("over there", { status: 302, headers });
    });
    const response = await createTestBalancer({ "a.test": app }).ask("/");
    assert.equal(response.status, 302);
    assert.deepEqual([...response.headers], [["content-type", "text/x-own"], ["location", "http://a.test/else"], [
      "set-cookie",
      "a=1",
    ], ["set-cookie", "b=2"]]);
    assert.equal(await response.text(), "over there");
  });

  it("has no body where there is none", async () => {
    const app = new Hono().get("/", () => new Response(null, { status: 204 }));
    const response = await createTestBalancer({ "a.test": app }).ask("/");
    assert.deepEqual([response.status, response.body], [204, null]);
  });

  it("comes piece by piece", async () => {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const app = new Hono().get(
      "/",
      () => new Response(new ReadableStream({ start: (begun) => void (controller = begun) })),
    );
    const response = await createTestBalancer({ "a.test": app }).ask("/");
    const reader = response.body!.getReader();
    controller!.enqueue(new TextEncoder().encode("one"));
    assert.equal(new TextDecoder().decode((await reader.read()).value), "one");
    controller!.close();
    assert.equal((await reader.read()).done, true);
  });

  it("has the fields that its route sets", async () => {
    const balancer = createTestBalancer({ "a.test": named("a") }, {}, {
      routes: [{ pool: "web", setResponseHeaders: { "Content-Type": "text/x-own", "x-new": "1" } }],
    });
    const { headers } = await balancer.ask("/");
    assert.deepEqual([headers.get("content-type"), headers.get("x-new")], ["text/x-own", "1"]);
  });

  it("is 404 where no route leads", async () => {
    const { ask, seen } = createEchoing({}, { routes: [{ match: { path: "/api/*" }, pool: "web" }] });
    assert.equal((await ask("/x")).status, 404);
    assert.deepEqual(seen, []);
  });

  const refused: { name: string; init: RequestInit; status: number }[] = [
    { name: "a Host that is none", init: { headers: { host: "a/../b" } }, status: 400 },
    { name: "gRPC", init: { method: "POST", headers: { "content-type": "application/grpc" } }, status: 501 },
    { name: "an upgrade", init: { headers: { connection: "upgrade", upgrade: "h2c" } }, status: 501 },
    { name: "half a handshake", init: { headers: { connection: "upgrade", upgrade: "websocket" } }, status: 400 },
    { name: "a loop", init: { headers: { via: "1.1 roundabout" } }, status: 508 },
    {
      name: "a body that is too long",
      init: { method: "POST", headers: { "content-length": "6" }, body: "abcdef" },
      status: 413,
    },
    { name: "a body that is too long and was not announced", init: { method: "POST", body: "abcdef" }, status: 413 },
  ];
  for (const { name, init, status } of refused) {
    it(`is ${status} for ${name}, and no backend hears of it`, async () => {
      const { ask, seen } = createEchoing({}, { limits: { bodyBytes: 5 } });
      assert.equal((await ask("/", init)).status, status);
      assert.deepEqual(seen, []);
    });
  }

  it("is by the limit that its route sets in the place of the general one", async () => {
    const routes = [{ match: { path: "/big" }, pool: "web", bodyBytes: 10 }, {
      match: { path: "/none" },
      pool: "web",
      bodyBytes: 0,
    }, { pool: "web" }];
    const { ask } = createEchoing({}, { limits: { bodyBytes: 5 }, routes });
    const post = async (path: string) => (await ask(path, { method: "POST", body: "abcdef" })).status;
    assert.deepEqual([await post("/big"), await post("/none"), await post("/")], [200, 413, 413]);
  });

  for (const [name, status] of [["node", 200], ["deno", 431], ["workers", 431]] as const) {
    it(`is ${status} for a long head where ${name} serves`, async () => {
      const { ask } = createEchoing({}, {}, { traits: { ...traits[name], cannot: [] } });
      assert.equal((await ask("/", { headers: { "x-long": "x".repeat(16_384) } })).status, status);
    });
  }

  // A client that names what is no field must not be able to have a 500 logged.
  for (const connection of ["", "keep-alive,", "x y", "(x)"]) {
    it(`is an answer although it says Connection: ${connection || "nothing"}`, async () => {
      const { ask } = createEchoing();
      assert.equal((await ask("/", { headers: { connection } })).status, 200);
    });
  }

  it("is a 500 for what nobody foresaw, which is logged with its cause and not told to the client", async () => {
    const transport: Ports["transport"] = () => Promise.reject(new TypeError("secret at 10.0.0.1"));
    const { ask, ports, inFlight } = createEchoing({}, {}, { transport });
    const response = await ask("/");
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /secret|10\.0|TypeError/);
    const logged = ports.lines.find(({ level }) => level === "error");
    assert.match(String(logged?.properties["cause"]), /secret at 10\.0\.0\.1/);
    assert.equal(inFlight(), 0);
  });

  it("is what failed each time, and no 503: a request that failed leaves its place in the pool", async () => {
    const failures = [[new ProxyError("connection_refused"), 502], [new TypeError("odd"), 500]] as const;
    for (const [failure, status] of failures) {
      const transport: Ports["transport"] = () => Promise.reject(failure);
      const { ask } = createEchoing({ circuitBreaker: { maxRequests: 1, maxPending: 0 } }, {}, { transport });
      assert.deepEqual([(await ask("/")).status, (await ask("/")).status], [status, status]);
    }
  });
});

describe("a WebSocket", () => {
  const handshake = {
    headers: {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  };

  /** A balancer over two backends, and its port for WebSockets, which notes what it is asked. */
  const withPort = (open: Ports["webSockets"]["open"]) => {
    const asked: { backend: string; target: string; upgrade: string | undefined }[] = [];
    const webSockets: Ports["webSockets"] = {
      open(arrival, incoming, outgoing) {
        asked.push({ backend: outgoing.backend.id, target: outgoing.target, upgrade: incoming.upgrade });
        return open(arrival, incoming, outgoing);
      },
      count: () => 0,
      goAway: () => Promise.resolve(),
    };
    const hosts = { "a.test": named("a"), "b.test": named("b") };
    return { ...createTestBalancer(hosts, { policy: "round-robin" }, {}, { webSockets }), asked };
  };

  const head = parseHead("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x", "GET");

  it("is opened by the port for it, in flight until it ends, and then logged with 101", async () => {
    let end = () => {};
    const balancer = withPort((_, _incoming, { onEnd }) => {
      end = () => onEnd(7);
      return Promise.resolve(switchedResponse(head));
    });
    const response = await balancer.ask("/chat?room=1", handshake);
    assert.equal(response.headers.get("sec-websocket-accept"), "x");
    assert.deepEqual(balancer.asked, [{ backend: "a.test", target: "/chat?room=1", upgrade: "websocket" }]);
    assert.equal(balancer.inFlight(), 1);
    assert.equal(balancer.ports.lines.length, 0);
    end();
    assert.equal(balancer.inFlight(), 0);
    const [line] = balancer.ports.lines;
    assert.deepEqual([line?.message, line?.properties["bytes"]], ["GET /chat 101", 7]);
  });

  it("is tried on another backend where the first cannot be reached", async () => {
    const balancer = withPort((_, _incoming, { backend, onEnd }) => {
      if (backend.id === "a.test") return Promise.reject(new ProxyError("connection_refused"));
      onEnd(0);
      return Promise.resolve(switchedResponse(head));
    });
    assert.equal((await balancer.ask("/", handshake)).status, 200);
    assert.deepEqual(balancer.asked.map(({ backend }) => backend), ["a.test", "b.test"]);
  });

  it("that a backend refuses is that backend's answer", async () => {
    const balancer = withPort((_, _incoming, { onEnd }) => {
      onEnd(2);
      return Promise.resolve(new Response("no", { status: 403 }));
    });
    const response = await balancer.ask("/", handshake);
    assert.deepEqual([response.status, await response.text()], [403, "no"]);
  });
});

describe("backends", () => {
  it("take turns", async () => {
    const balancer = createTestBalancer({ "a.test": named("a"), "b.test": named("b"), "c.test": named("c") });
    assert.equal(await texts(balancer, 7), "abcabca");
  });

  it("take turns by weight, and backups wait", async () => {
    const backends = [{ url: "http://a.test", weight: 2 }, { url: "http://b.test" }, {
      url: "http://c.test",
      priority: 1,
    }];
    const balancer = createTestBalancer({ "a.test": named("a"), "b.test": named("b"), "c.test": named("c") }, {
      backends,
    });
    assert.equal(await texts(balancer, 6), "abaaba");
  });

  it("take turns in each pool for itself", async () => {
    const transport =
      createTestBalancer({ "a.test": named("a"), "b.test": named("b"), "c.test": named("c"), "d.test": named("d") })
        .ports.transport;
    const pool = (...hosts: string[]) => ({ backends: hosts.map((host) => `http://${host}`), healthCheck: false });
    const rest = {
      pools: { web: pool("a.test", "b.test"), api: pool("c.test", "d.test") },
      routes: [{ match: { path: "/api" }, pool: "api" }, { pool: "web" }],
    };
    const { ask } = createTestBalancer({}, {}, rest, { transport });
    const got: string[] = [];
    for (const path of ["/", "/api", "/", "/api", "/"]) got.push(await (await ask(path)).text());
    assert.equal(got.join(""), "acbda");
  });

  it("that refuse or are unavailable are passed over, and the client does not notice", async () => {
    const balancer = createTestBalancer({ "a.test": named("a"), "b.test": named("b", 503) }, {
      backends: ["http://gone.test", "http://a.test", "http://b.test"],
      retry: { attempts: 2, backoff: { base: 0 } },
    });
    assert.equal(await texts(balancer, 6), "aaaaaa");
  });

  it("are taken out and in by the checks", async () => {
    const down = new Set<string>();
    const connect = (
      { hostname }: { readonly hostname: string },
    ) => (down.has(hostname) ? Promise.reject(new ProxyError("connection_refused")) : Promise.resolve());
    const healthCheck = { interval: "5s", unhealthyThreshold: 1, healthyThreshold: 1, jitter: 0 };
    const balancer = createTestBalancer({ "a.test": named("a"), "b.test": named("b") }, { healthCheck }, {}, {
      connect,
    });
    const { clock } = balancer.ports;
    balancer.start();
    await clock.advance(0);
    assert.equal(await texts(balancer, 4), "abab");
    down.add("a.test");
    await clock.advance(5_000);
    assert.equal(await texts(balancer, 4), "bbbb");
    down.add("b.test");
    await clock.advance(5_000);
    await clock.advance(2_000);
    const response = await balancer.ask("/");
    assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "3"]);
    down.clear();
    await clock.advance(3_000);
    assert.equal((await texts(balancer, 4)).length, 4);
    await balancer.close();
    await clock.advance(60_000);
    assert.equal(clock.sleepers(), 0);
  });

  for (const [type, returns] of [["http", true], ["tcp", false]] as const) {
    it(`that were ejected ${returns ? "return" : "do not return"} when a check by ${type} passes`, async () => {
      let status: 200 | 503 = 503;
      const app = new Hono().get("/health", ({ text }) => text("")).get("/", ({ text }) => text("a", status));
      const balancer = createTestBalancer({ "a.test": app, "b.test": named("b") }, {
        healthCheck: { type, interval: "5s", jitter: 0 },
        outlierDetection: { consecutiveErrors: 1 },
        retry: { backoff: { base: 0 } },
      });
      const { clock } = balancer.ports;
      balancer.start();
      await clock.advance(0);
      assert.equal(await texts(balancer, 4), "bbbb");
      status = 200;
      await clock.advance(5_000);
      assert.equal((await texts(balancer, 4)).includes("a"), returns);
      await balancer.close();
    });
  }

  it("can be changed while requests run, and none in flight notices", async () => {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const slow = new Hono().get(
      "/",
      () => new Response(new ReadableStream({ start: (begun) => void (controller = begun) })),
    );
    const balancer = createTestBalancer({ "a.test": slow, "b.test": named("b") }, { backends: ["http://a.test"] });
    const before = await balancer.ask("/");
    await balancer.pools.setBackends("web", ["http://b.test"]);
    assert.equal(await texts(balancer, 3), "bbb");
    controller!.enqueue(new TextEncoder().encode("still there"));
    controller!.close();
    assert.equal(await before.text(), "still there");
  });

  it("are those that another process wrote to the store, at most 10 s ago", async () => {
    const store = createMemoryStore();
    const balancer = createTestBalancer({ "a.test": named("a"), "b.test": named("b") }, {}, {}, { store });
    assert.equal(await texts(balancer, 2), "ab");
    await store.put("roundabout/web/backends", '["http://b.test"]');
    assert.equal(await texts(balancer, 2), "ab");
    await balancer.ports.clock.advance(10_000);
    assert.equal(await texts(balancer, 2), "bb");
  });

  it("that nobody checks are told of at the start where the runtime turned the checks off, not the user", () => {
    const infos = (name: "workers" | "node", pool: Record<string, unknown>) =>
      createEchoing(pool, {}, { traits: traits[name] }).ports.lines.map(({ level, properties }) =>
        `${level} ${String(properties["pool"])}`
      );
    assert.deepEqual(infos("workers", { healthCheck: undefined }), ["info web"]);
    assert.deepEqual(infos("node", { healthCheck: false }), []);
  });
});

describe("a route by place", () => {
  const byCountry = (more: object) => ({
    routes: [{ pool: { by: "country", pools: { DE: "web" }, fallback: "web", ...more } }],
  });
  const warnings = (rest: Record<string, unknown>, changes: { traits?: typeof traits.workers } = {}) =>
    createTestBalancer({ "a.test": named("a") }, {}, rest, changes).ports.lines.filter(({ level }) => level === "warn");

  it("that nobody says is told at the start", () => {
    const header = { header: "cf-ipcountry" };
    assert.match(warnings(byCountry({}))[0]?.message ?? "", /country .* header and trustedProxies/);
    assert.equal(warnings(byCountry(header)).length, 1);
    assert.equal(warnings({ ...byCountry(header), trustedProxies: ["10.0.0.0/8"] }).length, 0);
    assert.equal(warnings(byCountry({}), { traits: traits.workers }).length, 0, "where the platform says it");
  });
});
