import assert from "node:assert/strict";
import type { RequestOptions } from "../../support/raw-client.ts";
import type { ConformanceCase } from "../case.ts";
import { routed } from "../stages.ts";

/** Who answers: a backend's name, or a status of the balancer's own. */
type Expectation = readonly [options: RequestOptions, answer: string];

const tables: readonly { readonly name: string; readonly expected: readonly Expectation[] }[] = [
  {
    name: "routes: a path matches itself and what is below it, at a slash",
    expected: [
      [{ host: "app.test", target: "/api" }, "api"],
      [{ host: "app.test", target: "/api/" }, "api"],
      [{ host: "app.test", target: "/api/x?y" }, "api"],
      [{ host: "app.test", target: "/api?x" }, "api"],
      [{ host: "app.test", target: "/apix" }, "site"],
      [{ host: "app.test", target: "/API/x" }, "site"],
      [{ host: "app.test", target: "/exact" }, "api"],
      [{ host: "app.test", target: "/exact/not" }, "site"],
      [{ host: "app.test", target: "/x/../api/y" }, "api"],
      [{ host: "app.test", target: "/api/../y" }, "site"],
      [{ host: "app.test", target: "/api/%2e%2e/y" }, "site"],
    ],
  },
  {
    name: "routes: hosts match without port and case, and a wildcard one label or more",
    expected: [
      [{ host: "APP.test:1234" }, "site"],
      [{ host: "a.wild.test" }, "api"],
      [{ host: "a.b.Wild.test:80" }, "api"],
      [{ host: "wild.test" }, "404"],
      [{ host: "notwild.test" }, "404"],
    ],
  },
  {
    name: "routes: methods and headers narrow a route, and the first match wins",
    expected: [
      [{ host: "app.test", method: "DELETE" }, "api"],
      [{ host: "app.test", method: "PUT", body: "x" }, "api"],
      [{ host: "app.test", method: "POST", body: "x" }, "site"],
      [{ host: "app.test", fields: [["X-Beta", "1"]] }, "api"],
      [{ host: "app.test", fields: [["X-Beta", "0"]] }, "site"],
    ],
  },
  {
    name: "routes: what no route takes is a 404 of the balancer's own",
    expected: [
      [{ host: "unknown.test" }, "404"],
      [{ host: "strip.test", target: "/v2/x" }, "404"],
    ],
  },
];

export const routeCases: readonly ConformanceCase[] = [
  ...tables.map(
    ({ name, expected }): ConformanceCase => ({
      name,
      async run(context) {
        const { exchange, backends } = await context.stage(routed);
        for (const [options, answer] of expected) {
          const response = await exchange(options);
          assert.equal(response.status === 404 ? "404" : response.body.toString(), answer, JSON.stringify(options));
        }
        const reached = expected.filter(([, answer]) => answer !== "404").length;
        assert.equal(backends.api.arrivals.length + backends.site.arrivals.length, reached);
      },
    }),
  ),
  {
    name: "routes: prefixes are taken away and put on",
    async run(context) {
      const { exchange, backends } = await context.stage(routed);
      const sent = [
        ["strip.test", "/v1/a%2Fb?c"],
        ["strip.test", "/v1"],
        ["strip.test", "/v1?q"],
        ["add.test", "/x?y"],
        ["add.test", "/"],
        ["swap.test", "/old/x"],
      ] as const;
      for (const [host, target] of sent) await exchange({ host, target });
      const targets = backends.api.arrivals.map((arrival) => arrival.target);
      assert.deepEqual(targets, ["/a%2Fb?c", "/", "/?q", "/inner/x?y", "/inner/", "/new/x"]);
    },
  },
  {
    name: "routes: a route sets fields of the request and of the answer",
    async run(context) {
      const { exchange, backends } = await context.stage(routed);
      backends.api.handle((arrival) => arrival.answer(200, [["x-theirs", "the backend's"], ["x-own", "kept"]], "x"));
      const response = await exchange({
        host: "fields.test",
        fields: [["X-Taken", "the client's"], ["X-Kept", "kept"]],
      });
      const arrival = backends.api.arrivals[0];
      assert.deepEqual(arrival?.all("x-set"), ["by the route"]);
      assert.deepEqual(arrival?.all("x-taken"), ["by the route"]);
      assert.deepEqual(arrival?.all("x-kept"), ["kept"]);
      assert.deepEqual(response.all("x-answer"), ["by the route"]);
      assert.deepEqual(response.all("x-theirs"), ["by the route"]);
      assert.deepEqual(response.all("x-own"), ["kept"]);
    },
  },
];
