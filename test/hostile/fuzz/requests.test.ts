/** What is asked for, whatever bytes come in. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileRoutes, rewrite } from "../../../src/core/routes.ts";
import type { Inspected } from "../../../src/proxy/inspect.ts";
import { type Ask, asks, inspected, runs } from "./asks.ts";

const seen = (property: (asked: Inspected, ask: Ask) => void) =>
  fc.assert(
    fc.property(asks, (ask) => {
      const asked = inspected(ask);
      if (asked !== undefined) property(asked, ask);
    }),
    runs,
  );

const dots = /(?:^|\/)(?:\.|%2e){1,2}(?=\/|$)/i;

describe("a request that is let through", () => {
  it("was inspected without any error but a client's own", () => seen(() => {}));

  it("asks for a path that begins with a slash, without a control character, a space or a fragment", () => {
    seen(({ path, query }) => {
      assert.match(path, /^\/[^?#]*$/);
      assert.match(query, /^(?:\?[^#]*)?$/);
      assert.doesNotMatch(path + query, /[^\x21-\x7e\x80-\xff]/);
    });
  });

  it("asks byte for byte for what came, where that came raw and has nothing to resolve", () => {
    seen(({ path, query }, { isRaw, target }) => {
      const asked = target.replace(/#[^]*/, "");
      if (isRaw && asked.startsWith("/") && !asked.includes("\\") && !dots.test(asked.replaceAll("?", "/"))) {
        assert.equal(path + query, asked);
      }
    });
  });

  it("has no dots left to resolve, and no backslash to be taken for a slash", () => {
    seen(({ path }) => {
      assert.doesNotMatch(path, dots);
      assert.doesNotMatch(path, /\\/);
    });
  });

  it("asks for the path that any URL parser would find in what is sent", () => {
    seen(({ path, query }) => {
      const sent = path + query;
      const read = new URL(`http://host${sent}`);
      // Parsers differ in what they escape, not in where they cut.
      assert.equal(read.pathname.split("/").length, path.split("/").length, sent);
      assert.equal(decoded(read.pathname), decoded(path));
    });
  });

  it("is for a host that any URL parser would find in its Host", () => {
    seen(({ host }) => {
      const { hostname, port, username, password, pathname, search, hash } = new URL(`http://${host}/`);
      const [, name = "", digits = ""] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) ?? [];
      assert.equal(hostname, name.startsWith("[") ? new URL(`http://${name}`).hostname : name.toLowerCase());
      assert.equal(port, digits === "" || Number(digits) === 80 ? "" : String(Number(digits)));
      assert.deepEqual([username, password, pathname, search, hash], ["", "", "/", "", ""]);
    });
  });

  it("is for the host that its Host or its target names, and for no other", () => {
    seen(({ host }, { host: field, target }) => {
      const inTarget = /^https?:\/\/([^/?#]*)/i.exec(target)?.[1];
      assert.ok([field, inTarget, "localhost:8080"].includes(host), `${host} of ${field} and ${inTarget}`);
    });
  });
});

/** Without the escapes in which parsers differ. */
const decoded = (path: string) =>
  path.replace(/%[0-9a-f]{2}/gi, (escape) => escape.toLowerCase()).replace(
    /[^\x21-\x7e]|["<>^`{|}']/g,
    (character) => [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
  );

const patterns = fc.constantFrom("/*", "/inner/*", "/inner", "/a/*", "/a/inner/*", "/..;/*", "/");
const routes = fc.array(
  fc.record({
    path: fc.option(patterns, { nil: undefined }),
    host: fc.option(fc.constantFrom("a.test", "*.a.test", "*"), { nil: undefined }),
    method: fc.option(fc.constantFrom("GET", "POST"), { nil: undefined }),
    stripPrefix: fc.option(fc.constantFrom("/inner", "/a"), { nil: undefined }),
    addPrefix: fc.option(fc.constantFrom("/in", "/a/b"), { nil: undefined }),
  }),
  { maxLength: 6 },
);

describe("the route of a request", () => {
  it("is the first that matches, whatever way it is found", () => {
    fc.assert(
      fc.property(asks, routes, (ask, list) => {
        const asked = inspected(ask);
        if (asked === undefined) return;
        const configured = list.map(({ path, host, method }, index) => ({
          match: {
            ...(path !== undefined && { path }),
            ...(host !== undefined && { host }),
            ...(method !== undefined && { methods: [method] }),
          },
          pool: { kind: "failover" as const, pools: [String(index)] },
          setRequestHeaders: {},
          setResponseHeaders: {},
        }));
        const found = compileRoutes(configured)(asked);
        const name = asked.host.replace(/:\d*$/, "").toLowerCase();
        const expected = list.findIndex(({ path, host, method }) =>
          (method === undefined || method === asked.method) &&
          (path === undefined ||
            (path.endsWith("/*") ? `${asked.path}/`.startsWith(path.slice(0, -1)) : asked.path === path)) &&
          (host === undefined || host === "*" ||
            (host.startsWith("*.") ? name.endsWith(host.slice(1)) && name.length > host.length - 1 : name === host))
        );
        const chosen = found?.pool.kind === "failover" ? found.pool.pools[0] : undefined;
        assert.equal(chosen, expected < 0 ? undefined : String(expected), `${asked.host} ${asked.path}`);
      }),
      runs,
    );
  });

  it("sends on a path that is one, with nothing left to resolve", () => {
    fc.assert(
      fc.property(asks, routes, (ask, list) => {
        const asked = inspected(ask);
        if (asked === undefined) return;
        for (const { stripPrefix, addPrefix } of list) {
          const route = {
            ...(stripPrefix !== undefined && { stripPrefix }),
            ...(addPrefix !== undefined && { addPrefix }),
          };
          const sent = rewrite(route, asked.path, asked.query);
          assert.match(sent, /^\//);
          assert.doesNotMatch(sent.split("?")[0]!, dots);
          assert.ok(sent.endsWith(asked.query));
        }
      }),
      runs,
    );
  });
});
