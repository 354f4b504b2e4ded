import assert from "node:assert/strict";
import { describe, it } from "node:test";
import process from "node:process";
import { ConfigError, createLoadBalancer } from "../../src/index.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { createEcho, transportTo } from "../support/scripted-backend.ts";
import { createTestPorts } from "../support/test-ports.ts";

const pools = { web: { backends: ["http://a.test"], healthCheck: false as const } };
const ask = (target = "/") => new Request(`http://front.test${target}`);

describe("a balancer in somebody's program", () => {
  it("needs a configuration and nothing else: the ports are the runtime's own", async () => {
    const balancer = createLoadBalancer({ pools });
    assert.equal(await (await balancer.fetch(ask("/_roundabout/livez"))).text(), "ok\n");
    await balancer.close();
  });

  it("takes the ports that it is given", async () => {
    const { app, seen } = createEcho();
    const balancer = createLoadBalancer({ pools }, {
      ...createTestPorts({ transport: transportTo({ "a.test": app }) }),
    });
    await (await balancer.fetch(ask("/x"))).text();
    assert.deepEqual(seen.map(({ url }) => url), ["http://a.test/x"]);
  });

  it("takes variables of the environment", async () => {
    const { app, seen } = createEcho();
    process.env["ROUNDABOUT_TEST_BACKEND"] = "http://b.test";
    try {
      const changed = { pools: { web: { ...pools.web, backends: ["${ROUNDABOUT_TEST_BACKEND}"] } } };
      const balancer = createLoadBalancer(changed, createTestPorts({ transport: transportTo({ "b.test": app }) }));
      await (await balancer.fetch(ask())).text();
      assert.equal(seen.length, 1);
    } finally {
      delete process.env["ROUNDABOUT_TEST_BACKEND"];
    }
  });

  it("does not begin with a configuration that cannot be used, and tells every problem", () => {
    const wrong = { pools: { web: { backends: [], polices: "x" } }, listen: { port: -1 } } as unknown as Parameters<
      typeof createLoadBalancer
    >[0];
    assert.throws(
      () => createLoadBalancer(wrong),
      (error) => error instanceof ConfigError && error.problems.length === 3,
    );
  });

  // Memory in its place would be accepted and then not shared with anybody.
  it("does not begin with a store that it was told of and not given", () => {
    const config = { pools, store: { type: "kv" as const, binding: "POOLS" } };
    assert.throws(() => createLoadBalancer(config, { traits: traits.workers }), /store/);
    const { store } = createTestPorts();
    createLoadBalancer(config, { traits: traits.workers, store });
  });
});
