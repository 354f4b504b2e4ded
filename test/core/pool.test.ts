import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Health } from "../../src/core/health.ts";
import { type Backend, eligible } from "../../src/core/pool.ts";
import { backend, backendLists } from "../support/arbitraries.ts";

const healthy: Health = { status: "healthy", streak: 0, since: 0 };
const unhealthy: Health = { status: "unhealthy", streak: 0, since: 0 };
const ids = (backends: readonly Backend[]) => backends.map(({ id }) => id).join(" ");

describe("who is eligible", () => {
  const [a, b, c] = [backend("a"), backend("b"), backend("c")];
  const cases = [
    { name: "everybody who was never probed", backends: [a, b], health: {}, eligible: "a b" },
    { name: "the healthy", backends: [a, b], health: { a: healthy }, eligible: "a b" },
    { name: "not the unhealthy", backends: [a, b, c], health: { b: unhealthy }, eligible: "a c" },
    {
      name: "a healthy one whose checks begin to fail",
      backends: [a],
      health: { a: { ...healthy, streak: 2 } },
      eligible: "a",
    },
    {
      name: "not an unhealthy one whose checks begin to pass",
      backends: [a, b],
      health: { a: { ...unhealthy, streak: 1 } },
      eligible: "b",
    },
    {
      name: "nobody in drain or maintenance",
      backends: [backend("a", { state: "drain" }), b, backend("c", { state: "maintenance" })],
      health: {},
      eligible: "b",
    },
    { name: "nobody without weight", backends: [backend("a", { weight: 0 }), b], health: {}, eligible: "b" },
    { name: "whoever has the least weight", backends: [backend("a", { weight: 0.001 })], health: {}, eligible: "a" },
    {
      name: "no backup while one of the first serves",
      backends: [a, b, backend("c", { priority: 1 })],
      health: { a: unhealthy },
      eligible: "b",
    },
    {
      name: "the backups of the next number when all before are out",
      backends: [
        a,
        backend("b", { priority: 7 }),
        backend("c", { priority: 3 }),
        backend("d", { priority: 3, weight: 0 }),
      ],
      health: { a: unhealthy },
      eligible: "c",
    },
    { name: "nobody when all are out", backends: [a, b], health: { a: unhealthy, b: unhealthy }, eligible: "" },
    { name: "nobody when there is nobody", backends: [], health: {}, eligible: "" },
    { name: "not by the health of one that is gone", backends: [a], health: { z: unhealthy }, eligible: "a" },
    {
      name: "one that is called like something built in",
      backends: [backend("__proto__"), backend("toString")],
      health: {},
      eligible: "__proto__ toString",
    },
  ];
  for (const { name, backends, health, eligible: expected } of cases) {
    it(`${name}: ${expected || "nobody"}`, () => assert.equal(ids(eligible({ backends, health })), expected));
  }

  const out = [
    { name: "not who is out for another reason", out: "a", threshold: 0, health: {}, eligible: "b" },
    {
      name: "the backups when the first are out or unhealthy",
      out: "a",
      threshold: 0,
      health: { b: unhealthy },
      eligible: "c d",
    },
    { name: "nobody when all are out", out: "abcd", threshold: 0, health: {}, eligible: "-" },
    { name: "the fit at the panic threshold", out: "a", threshold: 50, health: {}, eligible: "b" },
    { name: "all of the priority below the panic threshold", out: "a", threshold: 51, health: {}, eligible: "a b" },
    { name: "the backups, while enough of them are fit", out: "ab", threshold: 100, health: {}, eligible: "c d" },
    { name: "all backups, where too few of them are fit", out: "abc", threshold: 51, health: {}, eligible: "c d" },
    {
      name: "the first, where nobody is fit at all",
      out: "abc",
      threshold: 1,
      health: { d: unhealthy },
      eligible: "a b",
    },
  ];
  for (const { name, out: outs, threshold, health, eligible: expected } of out) {
    it(`${name}: ${expected}`, () => {
      const backends = [a, b, backend("c", { priority: 1 }), backend("d", { priority: 1 })];
      assert.equal(ids(eligible({ backends, health }, (id) => outs.includes(id), threshold)) || "-", expected);
    });
  }

  it("has no panic over who is not wanted: they are not asked for, and get nothing", () => {
    const backends = [a, backend("b", { state: "maintenance" }), backend("c", { weight: 0 })];
    assert.equal(ids(eligible({ backends, health: {} }, undefined, 100)), "a");
    assert.equal(ids(eligible({ backends: backends.slice(1), health: {} }, undefined, 100)), "");
  });

  it("is of one priority and in the order of the pool, for any pool", () => {
    fc.assert(
      fc.property(backendLists, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (backends, isUp) => {
        const health = Object.fromEntries(backends.map(({ id }, index) => [id, isUp[index] ? healthy : unhealthy]));
        const fit = eligible({ backends, health });
        assert.ok(new Set(fit.map(({ priority }) => priority)).size <= 1);
        assert.deepEqual(fit, backends.filter((one) => fit.includes(one)));
        for (const one of backends) {
          const isOut = one.state !== "active" || one.weight === 0 || health[one.id]?.status === "unhealthy";
          const isBackup: boolean = fit.some(({ priority }) => one.priority > priority);
          assert.equal(fit.includes(one), !isOut && !isBackup);
        }
      }),
    );
  });

  it("takes 100,000 backends", () => {
    const many = Array.from({ length: 100_000 }, (_, index) => backend(String(index)));
    assert.equal(eligible({ backends: many, health: {} }).length, many.length);
  });
});
