import assert from "node:assert/strict";
import { exchange } from "../../support/raw-client.ts";
import { startMounted } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

/** Somebody's own app, with the balancer behind their middleware. */
const mount = async (context: CaseContext) => {
  const backend = await context.backend(
    "main",
    (arrival) => arrival.answer(200, [["x-theirs", "kept"]], arrival.target),
  );
  const app = await startMounted(context.runtime, backend.url);
  context.onEnd(() => app.process.end());
  return { backend, port: app.port };
};

export const mountedCases: readonly ConformanceCase[] = [
  {
    name: "mounted: what a middleware in front changes is what the backend gets",
    async run(context) {
      const { backend, port } = await mount(context);
      await exchange(port, {
        target: "/fields",
        fields: [["X-Changed", "by the client"], ["X-Removed", "by the client"], ["X-Kept", "kept"]],
      });
      await exchange(port, { target: "/path/a%2Fb?q=1" });
      await exchange(port, { target: "/method", method: "POST", body: "the body stays" });
      const [fields, path, method] = backend.arrivals;
      assert.deepEqual(fields?.all("x-changed"), ["by the middleware"]);
      assert.deepEqual(fields?.all("x-added"), ["by the middleware"]);
      assert.equal(fields?.field("x-removed"), undefined);
      assert.deepEqual(fields?.all("x-kept"), ["kept"]);
      assert.equal(path?.target, "/changed/a%2Fb?q=1");
      assert.equal(method?.method, "PUT");
      assert.equal((await method?.body())?.bytes.toString(), "the body stays");
    },
  },
  {
    name: "mounted: what a middleware changes in the answer is what the client gets",
    async run(context) {
      const { port } = await mount(context);
      const response = await exchange(port, { target: "/answer" });
      assert.equal(response.field("x-theirs"), "kept");
      assert.equal(response.field("x-answer"), "by the middleware");
      assert.equal(response.body.toString(), "/answer");
    },
  },
  {
    name: "mounted: the app's own routes come first and the rest is the balancer's",
    async run(context) {
      const { backend, port } = await mount(context);
      assert.equal((await exchange(port, { target: "/own" })).body.toString(), "the app's own");
      assert.equal((await exchange(port, { target: "/else" })).body.toString(), "/else");
      assert.equal(backend.arrivals.length, 1);
    },
  },
  {
    name: "mounted: a body that was read in front is a 500 that says so",
    async run(context) {
      const { backend, port } = await mount(context);
      const response = await exchange(port, { target: "/consumed", method: "POST", body: "read too early" });
      assert.equal(response.status, 500);
      assert.match(response.body.toString(), /body/i);
      assert.match(response.body.toString(), /read/i);
      assert.equal(backend.arrivals.length, 0);
    },
  },
];
