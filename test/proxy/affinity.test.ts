import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createAffinity } from "../../src/proxy/affinity.ts";
import { backend, weighted } from "../support/arbitraries.ts";
import { parse, web } from "../support/config.ts";

const secret = "0123456789abcdef";
const backends = weighted(1, 1, 1);

function open(changes: Record<string, unknown> = {}) {
  const config = parse(web({ sessionAffinity: { type: "cookie", secret, ...changes } }));
  const affinity = createAffinity(config.pools["web"]!.sessionAffinity!);
  return async (cookie: string | undefined, address = "192.0.2.1", among = backends) => {
    const headers = new Headers(cookie === undefined ? {} : { cookie });
    return await affinity.find({ address, path: "/", query: "", headers }, among);
  };
}

const valueOf = (field: string | undefined) => field?.split(";")[0] ?? "";

describe("a session by cookie", () => {
  it("is new without one, and known again by what was set", async () => {
    const find = open();
    const first = await find(undefined);
    assert.equal(first.backend, undefined);
    const field = first.settled("b", false)!;
    assert.match(field, /^roundabout=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    assert.equal((await find(valueOf(field))).backend, "b");
    assert.equal(
      (await find(`other=1; ${valueOf(field)}`)).settled("b", false),
      undefined,
      "nothing has to be said again",
    );
  });

  it("names no address, and is another one for each backend and secret", async () => {
    const values = await Promise.all(
      [open(), open({ secret: "another secret, as long" })].flatMap((find) =>
        ["a", "b"].map(async (id) => valueOf((await find(undefined)).settled(id, false)))
      ),
    );
    assert.equal(new Set(values).size, 4);
    for (const value of values) assert.doesNotMatch(value, /test|http|\./);
  });

  it("is Secure where the client came by https, and lives as long as is configured", async () => {
    const find = open({ ttl: "1h", cookie: "sid" });
    assert.match(
      (await find(undefined)).settled("a", true)!,
      /^sid=[^;]+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  it("is replaced where it was forged, cut or made by another secret", async () => {
    const find = open();
    const good = valueOf((await find(undefined)).settled("a", false));
    const foreign = valueOf((await open({ secret: "another secret, as long" })(undefined)).settled("a", false));
    const last = good.at(-1) === "A" ? "B" : "A";
    for (
      const cookie of ["roundabout=", "roundabout=a", good.slice(0, -1), `${good}x`, good.slice(0, -1) + last, foreign]
    ) {
      const session = await find(cookie);
      assert.equal(session.backend, undefined, cookie);
      assert.equal(valueOf(session.settled("a", false)), good);
    }
  });

  it("outlives backends that come and go, also while it is looked for", async () => {
    const find = open();
    const value = valueOf((await find(undefined)).settled("a", false));
    const others = Array.from({ length: 5 }, (_, index) => backend(`new ${index}`));
    const [old, changed] = await Promise.all([find(value), find(value, undefined, others)]);
    assert.equal(changed.backend, undefined);
    assert.equal(old.settled("gone meanwhile", false), undefined, "nothing can be said of it");
    assert.equal((await find(value)).backend, "a");
  });

  it("is taken over by another backend, or only lent to it, as configured", async () => {
    for (
      const [failover, moves, bound] of [["sticky", true, false], ["temporary", false, false], [
        "none",
        true,
        true,
      ]] as const
    ) {
      const find = open({ failover });
      const session = await find(valueOf((await find(undefined)).settled("a", false)));
      assert.equal(session.settled("b", false) !== undefined, moves, failover);
      assert.equal(session.bound, bound);
    }
  });
});

describe("a session by address or field", () => {
  it("belongs to nobody whom no session may belong to any more", async () => {
    const find = open({ type: "ip", secret: undefined, failover: "temporary" });
    (await find(undefined)).settled("a", false);
    const without = backends.filter(({ id }) => id !== "a");
    const session = await find(undefined, undefined, without);
    assert.equal(session.backend, undefined);
    session.settled("b", false);
    assert.equal((await find(undefined, undefined, without)).backend, "b", "and stays with the next one");
  });

  it("keeps little of a long field", async () => {
    const find = open({ type: "ip", secret: undefined });
    (await find(undefined, "x".repeat(10_000))).settled("a", false);
    assert.equal((await find(undefined, "x".repeat(10_000))).backend, "a");
    assert.equal((await find(undefined, `${"x".repeat(9_999)}y`)).backend, undefined);
  });

  it("is remembered, and moves where it may", async () => {
    for (const [failover, after] of [["sticky", "b"], ["temporary", "a"]] as const) {
      const find = open({ type: "ip", secret: undefined, failover });
      assert.equal((await find(undefined)).backend, undefined);
      assert.equal((await find(undefined)).settled("a", false), undefined);
      const session = await find(undefined);
      assert.equal(session.backend, "a");
      session.settled("b", false);
      assert.equal((await find(undefined)).backend, after);
      assert.equal((await find(undefined, "192.0.2.2")).backend, undefined);
    }
  });

  it("is forgotten when 10,000 others were used since", async () => {
    const find = open({ type: "ip", secret: undefined });
    for (const address of ["old", "used", ...Array.from({ length: 9_999 }, (_, index) => `n${index}`)]) {
      (await find(undefined, address)).settled("a", false);
      if (address === "n5") (await find(undefined, "used")).settled("a", false);
    }
    assert.equal((await find(undefined, "old")).backend, undefined);
    assert.equal((await find(undefined, "used")).backend, "a");
  });
});
