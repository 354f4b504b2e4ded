import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileRoutes, rewrite } from "../../src/core/routes.ts";
import { parse, routed } from "../support/config.ts";

interface Ask {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

/** Whether a route with this `match` takes a request. */
function matches(
  match: Record<string, unknown>,
  { method = "GET", host = "a.test", path = "/", headers = {} }: Ask,
): boolean {
  const find = compileRoutes(parse(routed({ match })).routes);
  return find({ method, host, path, headers: new Headers(headers) }) !== undefined;
}

const paths = (...list: string[]): Ask[] => list.map((path) => ({ path }));
const hosts = (...list: string[]): Ask[] => list.map((host) => ({ host }));

describe("a route", () => {
  const cases: { match: Record<string, unknown>; takes: Ask[]; leaves: Ask[] }[] = [
    { match: {}, takes: [{}, { method: "PURGE", host: "b.test:1", path: "/x" }], leaves: [] },
    { match: { path: "*" }, takes: paths("/", "/x"), leaves: [] },
    { match: { path: "/*" }, takes: paths("/", "/x", "//x"), leaves: [] },
    { match: { path: "/" }, takes: paths("/"), leaves: paths("/x", "//") },
    {
      match: { path: "/api/*" },
      takes: paths("/api", "/api/", "/api/x", "/api//x", "/api/x/y"),
      leaves: paths("/", "/apix", "/apix/api/", "/API/x", "/x/api/", "//api/x", "/%61pi/x"),
    },
    { match: { path: "/api" }, takes: paths("/api"), leaves: paths("/api/", "/api/x", "/apix", "/Api") },
    { match: { path: "/a.c/*" }, takes: paths("/a.c/x"), leaves: paths("/abc/x") },
    { match: { host: "*" }, takes: hosts("a.test", "[::1]:80"), leaves: [] },
    {
      match: { host: "a.test" },
      takes: hosts("a.test", "A.Test", "a.test:8080", "a.test:"),
      leaves: hosts("b.test", "x.a.test", "a.test.evil", "xa.test"),
    },
    { match: { host: "A.TEST" }, takes: hosts("a.test"), leaves: hosts("b.test") },
    {
      match: { host: "*.example.com" },
      takes: hosts("a.example.com", "A.B.EXAMPLE.com:8080"),
      leaves: hosts("example.com", ".example.com", "aexample.com", "a.example.com.evil", "example.com:8080"),
    },
    { match: { host: "[::1]" }, takes: hosts("[::1]", "[::1]:8080"), leaves: hosts("[::2]", "::1") },
    {
      match: { methods: ["GET", "PUT"] },
      takes: [{ method: "GET" }, { method: "PUT" }],
      leaves: [{ method: "POST" }, { method: "get" }, { method: "HEAD" }],
    },
    {
      match: { headers: { "X-Beta": "1", "x-more": "" } },
      takes: [{ headers: { "x-beta": "1", "X-More": "" } }],
      leaves: [{ headers: { "x-beta": "1" } }, { headers: { "x-beta": "11", "x-more": "" } }, {}],
    },
    {
      match: { host: "a.test", path: "/api/*", methods: ["GET"], headers: { "x-beta": "1" } },
      takes: [{ path: "/api/x", headers: { "x-beta": "1" } }],
      leaves: [
        { path: "/api/x", headers: { "x-beta": "1" }, method: "PUT" },
        { path: "/api/x", headers: { "x-beta": "1" }, host: "b.test" },
        { path: "/x", headers: { "x-beta": "1" } },
        { path: "/api/x" },
      ],
    },
  ];
  for (const { match, takes, leaves } of cases) {
    const told = JSON.stringify(match);
    for (const ask of takes) it(`${told} takes ${JSON.stringify(ask)}`, () => assert.equal(matches(match, ask), true));
    for (const ask of leaves) {
      it(`${told} leaves ${JSON.stringify(ask)}`, () => assert.equal(matches(match, ask), false));
    }
  }
});

describe("routes", () => {
  const find = compileRoutes(
    parse({
      pools: { web: { backends: ["http://a.test"] }, api: { backends: ["http://b.test"] } },
      routes: [{ match: { path: "/api/*" }, pool: "api" }, { match: { host: "a.test" }, pool: "web" }, {
        match: { path: "/api/v2" },
        pool: "web",
      }],
    }).routes,
  );
  const ask = (host: string, path: string) => {
    const pool = find({ method: "GET", host, path, headers: new Headers() })?.pool;
    return pool?.kind === "failover" ? pool.pools.join() : undefined;
  };

  it("are tried in order, and the first that matches wins", () => {
    assert.equal(ask("a.test", "/api/v2"), "api");
    assert.equal(ask("a.test", "/x"), "web");
  });

  it("can all be passed by", () => assert.equal(ask("b.test", "/x"), undefined));
});

describe("a target as it is sent on", () => {
  const cases = [
    { name: "as it came", route: {}, from: "/a//b/%2e?x=1&&", to: "/a//b/%2e?x=1&&" },
    { name: "with an empty query", route: {}, from: "/a?", to: "/a?" },
    { name: "without its prefix", route: { stripPrefix: "/api" }, from: "/api/x?y", to: "/x?y" },
    { name: "as / when the prefix is all there is", route: { stripPrefix: "/api" }, from: "/api?y", to: "/?y" },
    { name: "as / when a slash follows", route: { stripPrefix: "/api" }, from: "/api/", to: "/" },
    {
      name: "with a prefix that ends in the middle of a name",
      route: { stripPrefix: "/api" },
      from: "/apix",
      to: "/apix",
    },
    { name: "with a prefix that comes later", route: { stripPrefix: "/api" }, from: "/x/api/y", to: "/x/api/y" },
    { name: "with one prefix off of two", route: { stripPrefix: "/api" }, from: "/api/api/x", to: "/api/x" },
    { name: "with two slashes left", route: { stripPrefix: "/api" }, from: "/api//evil.test/x", to: "//evil.test/x" },
    { name: "with a prefix", route: { addPrefix: "/v2" }, from: "/x?y", to: "/v2/x?y" },
    { name: "with a prefix before /", route: { addPrefix: "/v2" }, from: "/", to: "/v2/" },
    { name: "with another prefix", route: { stripPrefix: "/api", addPrefix: "/v2" }, from: "/api/x", to: "/v2/x" },
    {
      name: "with another prefix and nothing else",
      route: { stripPrefix: "/api", addPrefix: "/v2" },
      from: "/api?y",
      to: "/v2?y",
    },
  ];
  for (const { name, route, from, to } of cases) {
    it(`${name}: ${from} as ${to}`, () => {
      const [path = "", query] = from.split("?");
      assert.equal(
        rewrite(
          { stripPrefix: undefined, addPrefix: undefined, ...route },
          path,
          query === undefined ? "" : `?${query}`,
        ),
        to,
      );
    });
  }

  it("begins with a slash, whatever comes off and on", () => {
    const part = fc.stringMatching(/^\/[a-z/]{0,4}[a-z]$/);
    fc.assert(
      fc.property(
        fc.option(part, { nil: undefined }),
        fc.option(part, { nil: undefined }),
        part,
        (stripPrefix, addPrefix, path) => {
          assert.match(rewrite({ stripPrefix, addPrefix }, `${stripPrefix ?? ""}${path}`, "?q"), /^\/.*\?q$/);
        },
      ),
    );
  });
});
