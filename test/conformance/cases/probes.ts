import assert from "node:assert/strict";
import type { ConformanceCase } from "../case.ts";
import { askFor, checks, moody, startChecked, told } from "../checked.ts";

/** What one check asks, and what it takes for an answer. */
export const probeCases: readonly ConformanceCase[] = [
  {
    name: "health: the check is the configured request",
    async run(context) {
      const a = await context.backend("a", moody("a", { well: true }));
      await startChecked(context, [`${a.url}/base`], {
        type: "http",
        path: "/health?deep=1",
        headers: { "x-probe": "yes" },
        interval: "60s",
      });
      const probe = await a.arrival(0);
      assert.equal(probe.method, "GET");
      assert.match(probe.target, /\/health\?deep=1$/);
      assert.equal(probe.field("host"), `127.0.0.1:${a.port}`);
      assert.match(probe.field("user-agent") ?? "", /^roundabout-health\/\d/);
      assert.equal(probe.field("x-probe"), "yes");
      assert.equal(probe.field("x-forwarded-for"), undefined);
    },
  },
  {
    name: "health: a check that answers the wrong words or the wrong status fails",
    async run(context) {
      const right = await context.backend(
        "right",
        (arrival) => arrival.answer(arrival.target === "/health" ? 204 : 200, [], "right"),
      );
      const wrongStatus = await context.backend("wrong", (arrival) => arrival.answer(200, [], "wrong"));
      const balancer = await startChecked(context, [right.url, wrongStatus.url], {
        type: "http",
        expectedStatuses: "204",
        interval: "60s",
      });
      await told(balancer, "DOWN", wrongStatus);
      assert.deepEqual(await askFor(balancer, 4), ["right"]);

      const speaks = await context.backend("speaks", (arrival) => arrival.answer(200, [], "all is ready here"));
      const silent = await context.backend("silent", (arrival) => arrival.answer(200, [], "still starting"));
      const reader = await startChecked(context, [speaks.url, silent.url], {
        type: "http",
        expectedBody: "is ready",
        interval: "60s",
      });
      await told(reader, "DOWN", silent);
      assert.deepEqual(await askFor(reader, 4), ["all is ready here"]);
    },
  },
  {
    name: "health: a check that takes too long fails",
    async run(context) {
      const a = await context.backend(
        "a",
        (arrival) => (arrival.target === "/health" ? new Promise(() => {}) : arrival.answer(200, [], "a")),
      );
      const b = await context.backend("b", moody("b", { well: true }));
      const balancer = await startChecked(context, [a.url, b.url], { type: "http", interval: "60s" });
      await told(balancer, "DOWN", a);
      assert.deepEqual(await askFor(balancer, 4), ["b"]);
      await checks(a)[0]?.closed;
    },
  },
];
