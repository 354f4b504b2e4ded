import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.ts";
import { attack } from "./hostile/attack.ts";
import { framingCases } from "./hostile/framings.ts";
import { targetCases } from "./hostile/targets.ts";
import { plain } from "./stages.ts";

const padding = (count: number, length: number) =>
  Array.from({ length: count }, (_, at) => `X-Pad-${at}: ${"p".repeat(length)}\r\n`).join("");

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: balancer.test\r\n\r\n";

export const hostileCases: readonly ConformanceCase[] = [
  ...framingCases,
  ...targetCases,
  {
    name: "hostile: a client cannot remove the balancer's own fields by naming them in Connection",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (
        const named of [
          "x-forwarded-for",
          "x-request-id, via",
          "host",
          "X-Forwarded-Host, x-forwarded-proto, x-forwarded-port",
          "close, content-length",
        ]
      ) {
        const response = await exchange({
          method: "POST",
          body: "kept",
          fields: [["Connection", named], ["X-Forwarded-For", "203.0.113.1"]],
        });
        assert.ok(response.status === 200 || response.status === 400, named);
      }
      assert.ok(backends.main.arrivals.length >= 4);
      for (const arrival of backends.main.arrivals) {
        assert.deepEqual(arrival.all("x-forwarded-for"), ["127.0.0.1"]);
        for (
          const name of ["x-request-id", "via", "host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"]
        ) assert.equal(arrival.all(name).length, 1, name);
        assert.equal((await arrival.body()).bytes.toString(), "kept");
      }
    },
  },
  {
    name: "hostile: spoofed forwarding fields, in any spelling, are not believed",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const spoofed = ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"].map((name) =>
        [name, "10.0.0.1"] as const
      );
      await exchange({
        fields: [...spoofed, ["Forwarded", "for=10.0.0.1"], ["CF-Connecting-IP", "10.0.0.1"], [
          "X-Real-IP",
          "10.0.0.1",
        ]],
      });
      assert.deepEqual(backends.main.arrivals[0]?.all("x-forwarded-for"), ["127.0.0.1"]);
      assert.equal(backends.main.arrivals[0]?.field("forwarded"), undefined);
    },
  },
  {
    name: "hostile: floods of fields are refused or passed, and stop nobody else",
    async run(context) {
      for (const flood of [padding(2000, 10), padding(90, 1000), `X-Long: ${"p".repeat(300_000)}\r\n`]) {
        const outcome = await attack(
          context,
          () => `GET /flood HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n${flood}\r\n`,
        );
        assert.equal(outcome.arrivals.length, 0, "more than 16 KiB go nowhere");
      }
    },
  },
  {
    name: "hostile: stalled connections do not hold up normal traffic",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      const beginnings = [
        "",
        "GET",
        "GET / HTTP/1.1\r\nHost: balancer.test\r\nX-Half: ",
        "POST /stalled HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 10\r\n\r\nhalf",
      ];
      for (let turn = 0; turn < 20; turn += 1) await (await connect()).send(beginnings[turn % beginnings.length] ?? "");
      const statuses = await Promise.all(
        Array.from({ length: 40 }, async () => (await exchange({ target: "/normal" })).status),
      );
      assert.ok(statuses.every((status) => status === 200));
      assert.equal(backends.main.arrivals.filter((arrival) => arrival.target === "/normal").length, 40);
      for (const arrival of backends.main.arrivals) assert.ok(["/normal", "/stalled"].includes(arrival.target));
    },
  },
  {
    name: "hostile: pipelined requests are answered in their order or not at all",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [], arrival.target));
      const client = await connect();
      await client.send(
        ["/1", "/2", "/3"].map((target) => `GET ${target} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`).join(""),
      );
      const bodies: string[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        const response = await client.response().catch(() => undefined);
        if (response === undefined) break;
        bodies.push(response.body.toString());
      }
      assert.deepEqual(bodies, ["/1", "/2", "/3"].slice(0, bodies.length));
      for (const { target } of backends.main.arrivals) assert.ok(["/1", "/2", "/3"].includes(target));
      backends.main.reset();
      assert.equal((await exchange()).status, 200);
    },
  },
  {
    name: "hostile: bytes after a request's body are the next request and not a part of it",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(`POST /first HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 4\r\n\r\nbody${smuggled}`);
      await client.response().catch(() => undefined);
      await client.response().catch(() => undefined);
      const seen = backends.main.arrivals.map((arrival) => `${arrival.method} ${arrival.target}`);
      assert.ok(["", "POST /first", "POST /first,GET /smuggled"].includes(seen.join()), seen.join());
      for (const arrival of backends.main.arrivals) {
        const { bytes, complete } = await arrival.body();
        assert.ok(!complete || bytes.toString() === (arrival.method === "POST" ? "body" : ""));
      }
    },
  },
];
