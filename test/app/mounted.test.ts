import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Hono } from "hono";
import { createEchoing } from "../support/test-balancer.ts";

/** Somebody's own app around a balancer. */
function mount(build: (app: Hono, balancer: ReturnType<typeof createEchoing>) => void) {
  const balancer = createEchoing();
  const app = new Hono();
  build(app, balancer);
  return {
    ...balancer,
    get: async (target: string, init?: RequestInit) => await app.request(`http://front.test${target}`, init),
  };
}

describe("in somebody's own app, the balancer", () => {
  it("leaves to the app what the app has", async () => {
    const { get, seen } = mount((app, { app: inner }) =>
      app.get("/own", (context) => context.text("own")).route("/", inner)
    );
    assert.equal(await (await get("/own")).text(), "own");
    assert.deepEqual(seen, []);
    assert.equal((await get("/x")).status, 200);
    assert.equal(seen.length, 1);
  });

  it("passes on the fields that a middleware changed", async () => {
    const { get, seen } = mount((app, { app: inner }) => {
      app.use(async (context, next) => {
        const headers = new Headers(context.req.raw.headers);
        headers.set("x-user", "42");
        headers.delete("authorization");
        context.req.raw = new Request(context.req.raw, { headers });
        await next();
      });
      app.route("/", inner);
    });
    await get("/x", { method: "POST", headers: { authorization: "secret", "x-user": "0" }, body: "hello" });
    const [{ headers, body }] = seen as [(typeof seen)[number]];
    assert.deepEqual([headers["x-user"], headers["authorization"], body], ["42", undefined, "hello"]);
  });

  it("passes on the path and the method that a middleware changed", async () => {
    const { get, seen } = mount((app, { fetch }) => {
      app.use(
        "/old/*",
        (context) =>
          fetch(new Request(context.req.url.replace("/old/", "/new/"), context.req.raw), context.env) as Promise<
            Response
          >,
      );
      app.use(
        "/put",
        (context) => fetch(new Request(context.req.raw, { method: "PUT" }), context.env) as Promise<Response>,
      );
    });
    await get("/old/x?y");
    await get("/put", { method: "POST", body: "hello" });
    assert.deepEqual(seen.map(({ method, url, body }) => `${method} ${url} ${body}`), [
      "GET http://a.test/new/x?y ",
      "PUT http://a.test/put hello",
    ]);
  });

  it("serves below a path of the app, which stays part of the target", async () => {
    const { get, seen } = mount((app, { app: inner }) => app.route("/api", inner));
    await get("/api/x?y");
    assert.equal((await get("/other")).status, 404);
    assert.deepEqual(seen.map(({ url }) => url), ["http://a.test/api/x?y"]);
    assert.equal(await (await get("/api/_roundabout/livez")).text(), "ok\n");
  });

  it("gives its answer to a middleware that changes it", async () => {
    const { get } = mount((app, { app: inner }) => {
      app.use(async (context, next) => {
        await next();
        context.res.headers.set("x-new", "1");
      });
      app.route("/", inner);
    });
    const response = await get("/x");
    assert.deepEqual([response.status, response.headers.get("x-new")], [200, "1"]);
    await response.text();
  });

  it("says so when a middleware has read the body", async () => {
    const { get, seen, ports } = mount((app, { app: inner }) => {
      app.use(async (context, next) => {
        await context.req.raw.text();
        await next();
      });
      app.route("/", inner);
    });
    for (const headers of [{}, { "content-length": "5" }]) {
      const response = await get("/x", { method: "POST", body: "hello", headers });
      assert.equal(response.status, 500);
      assert.match(await response.text(), /body was read before it reached the balancer/);
      assert.equal(response.headers.get("proxy-status"), "roundabout; error=proxy_internal_error");
    }
    assert.equal(ports.lines.filter(({ level }) => level === "error").length, 2);
    assert.deepEqual(seen, []);
  });

  it("says so when Hono itself has read it for a middleware", async () => {
    const { get } = mount((app, { app: inner }) => {
      app.use(async (context, next) => {
        await context.req.parseBody();
        await next();
      });
      app.route("/", inner);
    });
    assert.equal((await get("/x", { method: "POST", body: new URLSearchParams({ a: "1" }) })).status, 500);
  });

  it("answers HEAD without a body", async () => {
    const { get, seen } = mount((app, { app: inner }) => app.route("/", inner));
    const response = await get("/x", { method: "HEAD" });
    assert.deepEqual([response.status, await response.text(), seen[0]?.method], [200, "", "HEAD"]);
  });
});
