import assert from "node:assert/strict";
import type { RawResponse } from "../../support/raw-client.ts";
import type { ConformanceCase, Stage, StagePlan } from "../case.ts";

type Name = "a" | "b" | "c";

const cookie = { type: "cookie", secret: "a secret of some length" };

const sessions: StagePlan<Name> = {
  backends: ["a", "b", "c"],
  config({ a, b, c }) {
    const all = [{ id: "one", url: a }, { id: "two", url: b }, { id: "three", url: c }];
    const gone = (state: object) => all.map((backend) => (backend.id === "one" ? { ...backend, ...state } : backend));
    // The same pool, before and after somebody has drained a backend: a cookie is worth the same in both.
    const of: Record<string, Record<string, unknown>> = {
      before: { backends: all },
      draining: { backends: gone({ state: "drain" }) },
      weightless: { backends: gone({ weight: 0 }) },
      drained: { backends: gone({ state: "drain" }), drain: { timeout: 0 } },
      maintained: { backends: gone({ state: "maintenance" }) },
      lent: {
        backends: gone({ state: "maintenance" }),
        sessionAffinity: { ...cookie, cookie: "lent", failover: "temporary" },
      },
      waiting: {
        backends: gone({ state: "maintenance" }),
        sessionAffinity: { ...cookie, cookie: "waiting", failover: "none" },
      },
      full: { backends: gone({ maxRequests: 1 }) },
      temporary: { backends: all, sessionAffinity: { ...cookie, cookie: "temporary", failover: "temporary" } },
      none: { backends: all, sessionAffinity: { ...cookie, cookie: "none", failover: "none" } },
      header: { backends: all, sessionAffinity: { type: "header:x-session" } },
      address: { backends: all, sessionAffinity: { type: "ip" } },
    };
    const pool = { healthCheck: false, outlierDetection: false };
    return {
      listen: { port: 0, hostname: "127.0.0.1" },
      trustedProxies: ["127.0.0.2/32"],
      pools: Object.fromEntries(
        Object.entries(of).map((
          [name, more],
        ) => [name, { ...pool, sessionAffinity: { ...cookie, cookie: name }, ...more }]),
      ),
      routes: Object.keys(of).map((name) => ({ match: { host: `${name}.test` }, pool: name })),
    };
  },
};

/** What a cookie was set to. */
const cookieOf = (response: RawResponse) => /^[^=]+=([^;]*)/.exec(response.field("set-cookie") ?? "")?.[1] ?? "";

/** A cookie of a session with backend "a" in this pool. */
async function sessionWithA({ exchange }: Stage<Name>, host: string): Promise<string> {
  for (;;) {
    const response = await exchange({ host });
    if (response.body.toString() === "a") return cookieOf(response);
  }
}

/** A cookie is called after its pool, and the pools of these hosts after them. */
const ask = ({ exchange }: Stage<Name>, host: string, value: string) =>
  exchange({ host, fields: [["Cookie", `theme=dark; ${host.replace(".test", "")}=${value}`]] });

export const affinityCases: readonly ConformanceCase[] = [
  {
    name: "affinity: a signed cookie keeps a session with its backend, names no address, and is set once",
    async run(context) {
      const stage = await context.stage(sessions);
      const first = await stage.exchange({ host: "before.test" });
      assert.match(first.field("set-cookie") ?? "", /^before=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
      for (let turn = 0; turn < 5; turn++) {
        const next = await ask(stage, "before.test", cookieOf(first));
        assert.deepEqual([next.body.toString(), next.field("set-cookie")], [first.body.toString(), undefined]);
      }
    },
  },
  {
    name: "affinity: a backend's own cookies stay beside it, and a forged one is replaced",
    async run(context) {
      const stage = await context.stage(sessions);
      for (const name of ["a", "b", "c"] as const) {
        stage.backends[name].handle((arrival) =>
          arrival.answer(200, [["Set-Cookie", "own=1"], ["Set-Cookie", "own2=2; Path=/x"]], name)
        );
      }
      const response = await ask(stage, "before.test", "A".repeat(43));
      const [one, two, ours, ...more] = response.all("set-cookie");
      assert.deepEqual([one, two, more], ["own=1", "own2=2; Path=/x", []]);
      assert.match(ours ?? "", /^before=/);
    },
  },
  {
    name: "affinity: a cookie is Secure for who came by https",
    async run(context) {
      const stage = await context.stage(sessions);
      const plain = await stage.exchange({ host: "before.test" });
      assert.doesNotMatch(plain.field("set-cookie") ?? "", /Secure/);
      const fields = [["X-Forwarded-Proto", "https"]] as const;
      const secure = await stage.exchange({ host: "before.test", fields: [...fields], from: "127.0.0.2" });
      assert.match(secure.field("set-cookie") ?? "", /; Secure$/);
      const liar = await stage.exchange({ host: "before.test", fields: [...fields] });
      assert.doesNotMatch(liar.field("set-cookie") ?? "", /Secure/);
    },
  },
  {
    name: "affinity: a backend that drains, or has no weight, keeps its sessions and gets no new ones",
    async run(context) {
      const stage = await context.stage(sessions);
      for (const host of ["draining.test", "weightless.test"]) {
        const value = await sessionWithA(stage, "before.test");
        for (let turn = 0; turn < 3; turn++) {
          const kept = await ask(stage, host, value);
          assert.deepEqual([kept.body.toString(), kept.field("set-cookie")], ["a", undefined], host);
        }
        for (let turn = 0; turn < 6; turn++) {
          assert.notEqual((await stage.exchange({ host })).body.toString(), "a", host);
        }
      }
      await stage.exchange({ host: "drained.test" });
      await stage.balancer.waitForLog(
        (line) => line["pool"] === "drained" && String(line["message"]).startsWith("backend DRAINED"),
        "word that nothing is left of one whose sessions have had their time",
      );
    },
  },
  {
    name: "affinity: whose backend was drained, or is in maintenance, gets another one and its cookie",
    async run(context) {
      const stage = await context.stage(sessions);
      for (const host of ["drained.test", "maintained.test"]) {
        const moved = await ask(stage, host, await sessionWithA(stage, "before.test"));
        assert.notEqual(moved.body.toString(), "a", host);
        const again = await ask(stage, host, cookieOf(moved));
        assert.equal(again.body.toString(), moved.body.toString());
      }
    },
  },
  {
    name:
      "affinity: in maintenance a backend's sessions are lent, where failover is temporary, and refused where it is none",
    async run(context) {
      const stage = await context.stage(sessions);
      const value = await sessionWithA(stage, "before.test");
      const lent = await ask(stage, "lent.test", value);
      assert.match(String(lent.body), /^[bc]$/);
      assert.equal(lent.field("set-cookie"), undefined);
      assert.equal((await ask(stage, "waiting.test", value)).status, 503);
    },
  },
  {
    name: "affinity: a session whose backend has no room is lent for that request, and stays",
    async run(context) {
      const stage = await context.stage(sessions);
      const value = await sessionWithA(stage, "before.test");
      const seen = stage.backends.a.arrivals.length;
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      stage.backends.a.handle(async (arrival) => {
        await released;
        await arrival.answer(200, [], "a");
      });
      const first = ask(stage, "full.test", value);
      await stage.backends.a.arrival(seen);
      const lent = await ask(stage, "full.test", value);
      assert.match(String(lent.body), /^[bc]$/);
      assert.equal(lent.field("set-cookie"), undefined);
      release();
      assert.equal(String((await first).body), "a");
    },
  },
  {
    name: "affinity: when its backend fails, a session moves and stays, or moves until that is back, or is refused",
    async run(context) {
      const stage = await context.stage(sessions);
      const values = await Promise.all(
        ["before.test", "temporary.test", "none.test"].map((host) => sessionWithA(stage, host)),
      );
      await stage.backends.a.refuse();
      const [sticky, temporary, none] = await Promise.all([
        ask(stage, "before.test", values[0]!),
        ask(stage, "temporary.test", values[1]!),
        ask(stage, "none.test", values[2]!),
      ]);
      await stage.backends.a.accept();
      assert.match(`${sticky.body}${temporary.body}`, /^[bc]{2}$/);
      assert.ok(none.status >= 500, "nobody else is asked");
      assert.notEqual(cookieOf(sticky), "");
      assert.equal(temporary.field("set-cookie"), undefined);
      assert.equal((await ask(stage, "before.test", cookieOf(sticky))).body.toString(), sticky.body.toString());
      assert.equal((await ask(stage, "temporary.test", values[1]!)).body.toString(), "a");
      assert.equal((await ask(stage, "none.test", values[2]!)).body.toString(), "a");
    },
  },
  {
    name: "affinity: by a field or the client's address, without a cookie",
    async run(context) {
      const stage = await context.stage(sessions);
      const seen = new Set<string>();
      for (let user = 0; user < 12; user++) {
        const names = [];
        for (let turn = 0; turn < 3; turn++) {
          const response = await stage.exchange({ host: "header.test", fields: [["X-Session", `s${user}`]] });
          assert.equal(response.field("set-cookie"), undefined);
          names.push(response.body.toString());
        }
        assert.equal(new Set(names).size, 1);
        seen.add(names[0]!);
      }
      assert.ok(seen.size > 1);
      const address = await Promise.all(
        Array.from({ length: 4 }, () => stage.exchange({ host: "address.test", from: "127.0.0.9" })),
      );
      assert.equal(new Set(address.map(({ body }) => body.toString())).size, 1);
    },
  },
];
