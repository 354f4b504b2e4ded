import assert from "node:assert/strict";
import type { Field } from "../../support/http1.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const trusted = "127.0.0.2";

const claims: readonly Field[] = [
  ["X-Forwarded-For", "203.0.113.9, 203.0.113.10"],
  ["X-Forwarded-Proto", "https"],
  ["X-Forwarded-Host", "claimed.test"],
  ["X-Forwarded-Port", "8443"],
  ["X-Request-Id", "claimed-id"],
  ["Forwarded", "for=203.0.113.9;proto=https"],
];

export const forwardingFieldCases: readonly ConformanceCase[] = [
  {
    name: "headers: a stranger's forwarding fields are replaced",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: claims });
      const arrival = backends.main.arrivals[0];
      assert.deepEqual(arrival?.all("x-forwarded-for"), ["127.0.0.1"]);
      assert.deepEqual(arrival?.all("x-forwarded-proto"), ["http"]);
      assert.deepEqual(arrival?.all("x-forwarded-host"), ["balancer.test"]);
      assert.notEqual(arrival?.field("x-forwarded-port"), "8443");
      assert.equal(arrival?.field("forwarded"), undefined);
      assert.notEqual(arrival?.field("x-request-id"), "claimed-id");
      assert.match(arrival?.field("x-request-id") ?? "", /^\S{8,}$/);
    },
  },
  {
    name: "headers: X-Forwarded-Port is the port that the balancer listens on",
    async run(context) {
      const { exchange, backends, port } = await context.stage(plain);
      await exchange({ host: "balancer.test:4321" });
      assert.deepEqual(backends.main.arrivals[0]?.all("x-forwarded-port"), [`${port}`]);
    },
  },
  {
    name: "headers: a trusted proxy's forwarding fields are believed and For is appended to",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: claims, from: trusted });
      const arrival = backends.main.arrivals[0];
      assert.equal(arrival?.all("x-forwarded-for").join(", "), `203.0.113.9, 203.0.113.10, ${trusted}`);
      assert.deepEqual(arrival?.all("x-forwarded-proto"), ["https"]);
      assert.deepEqual(arrival?.all("x-forwarded-host"), ["claimed.test"]);
      assert.deepEqual(arrival?.all("x-forwarded-port"), ["8443"]);
      assert.deepEqual(arrival?.all("x-request-id"), ["claimed-id"]);
      assert.deepEqual(arrival?.all("forwarded"), ["for=203.0.113.9;proto=https"]);
    },
  },
  {
    name: "headers: every request gets an id of its own, and Forwarded is never made",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (let turn = 0; turn < 3; turn += 1) await exchange();
      const ids = backends.main.arrivals.map((arrival) => arrival.field("x-request-id"));
      assert.equal(new Set(ids).size, 3);
      assert.ok(ids.every((id) => id !== undefined && id.length >= 8));
      assert.ok(backends.main.arrivals.every((arrival) => arrival.field("forwarded") === undefined));
    },
  },
  {
    name: "headers: Via names the balancer, after those whom a trusted proxy names",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const fields: readonly Field[] = [["Via", "1.0 first, 1.1 second"]];
      await exchange();
      await exchange({ fields, from: trusted });
      await exchange({ fields });
      const vias = backends.main.arrivals.map((arrival) => arrival.all("via").join(", "));
      assert.deepEqual(vias, ["1.1 roundabout", "1.0 first, 1.1 second, 1.1 roundabout", "1.1 roundabout"]);
    },
  },
  {
    name: "headers: its own Via coming back is a loop, 508",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const response = await exchange({ fields: [["Via", "1.1 roundabout"]] });
      assert.equal(response.status, 508);
      assert.match(response.field("proxy-status") ?? "", /proxy_loop_detected/);
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
];
