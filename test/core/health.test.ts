import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Health, type HealthRule, judge } from "../../src/core/health.ts";

/** What a row of checks, one a second, makes of a backend; `.` passed, `x` failed. */
function play(checks: string, rule: HealthRule): readonly Health[] {
  const timeline: Health[] = [];
  for (const [index, check] of [...checks].entries()) {
    timeline.push(judge(timeline.at(-1), check === ".", rule, index * 1_000));
  }
  return timeline;
}

const drawn = (timeline: readonly Health[]) =>
  timeline.map(({ status }) => (status === "healthy" ? "U" : "D")).join("");

describe("judge", () => {
  const threeDownTwoUp = { unhealthyThreshold: 3, healthyThreshold: 2 };
  // The timeline as drawn: . passed, x failed; what it makes: U up, D down
  const cases = [
    { name: "counts the first-ever pass at once", checks: ".", status: "U", streak: 0, since: 0 },
    { name: "counts the first-ever failure at once", checks: "x", status: "D", streak: 0, since: 0 },
    { name: "stays healthy below the threshold", checks: "..xx", status: "UUUU", streak: 2, since: 0 },
    { name: "turns unhealthy at the threshold", checks: "..xxx", status: "UUUUD", streak: 0, since: 4_000 },
    { name: "starts counting again after a pass", checks: ".xx.xx", status: "UUUUUU", streak: 2, since: 0 },
    { name: "stays unhealthy below the threshold", checks: "x.", status: "DD", streak: 1, since: 0 },
    { name: "turns healthy at the threshold", checks: "x..", status: "DDU", streak: 0, since: 2_000 },
    { name: "starts counting again after a failure", checks: "x.x.x.", status: "DDDDDD", streak: 1, since: 0 },
    { name: "goes down and comes back", checks: ".xxxx..x", status: "UUUDDDUU", streak: 1, since: 6_000 },
  ];
  for (const { name, checks, status, streak, since } of cases) {
    it(`${name}: ${checks}`, () => {
      const timeline = play(checks, threeDownTwoUp);
      assert.equal(drawn(timeline), status);
      assert.equal(timeline.at(-1)!.streak, streak);
      assert.equal(timeline.at(-1)!.since, since);
    });
  }

  it("turns on each result when the thresholds are 1", () => {
    assert.equal(drawn(play(".x.x", { unhealthyThreshold: 1, healthyThreshold: 1 })), "UDUD");
  });

  it("gives back the same object when nothing changed", () => {
    const before = judge(undefined, true, threeDownTwoUp, 0);
    assert.equal(judge(before, true, threeDownTwoUp, 1_000), before);
  });
});

describe("judge, for any row of checks and any thresholds", () => {
  const threshold = fc.integer({ min: 1, max: 5 });
  const rules = fc.record({ unhealthyThreshold: threshold, healthyThreshold: threshold });
  const rows = fc.array(fc.constantFrom(".", "x"), { minLength: 1, maxLength: 60 }).map((row) => row.join(""));

  it("turns only when exactly as many in a row disagree as the threshold says", () => {
    fc.assert(
      fc.property(rows, rules, (checks, rule) => {
        const timeline = play(checks, rule);
        for (const [index, { status }] of timeline.entries()) {
          const before = timeline[index - 1];
          if (before === undefined || before.status === status) continue;
          const [sign, needed] = status === "healthy" ? [".", rule.healthyThreshold] : ["x", rule.unhealthyThreshold];
          assert.equal(checks.slice(index + 1 - needed, index + 1), sign.repeat(needed));
        }
      }),
    );
  });

  it("has the status that the last long enough run of equal checks gave it", () => {
    fc.assert(
      fc.property(rows, rules, (checks, rule) => {
        const turning = new RegExp(`^.|\\.{${rule.healthyThreshold}}|x{${rule.unhealthyThreshold}}`, "gs");
        const last = [...checks.matchAll(turning)].at(-1)![0].at(-1);
        assert.equal(play(checks, rule).at(-1)!.status, last === "." ? "healthy" : "unhealthy");
      }),
    );
  });

  it("begins a status when it turned, and counts what disagreed since", () => {
    fc.assert(
      fc.property(rows, rules, (checks, rule) => {
        const timeline = play(checks, rule);
        const { status, since, streak } = timeline.at(-1)!;
        const agrees = status === "healthy" ? "." : "x";
        assert.equal(since / 1_000, timeline.findLastIndex((health) => health.status !== status) + 1);
        assert.equal(streak, checks.length - 1 - checks.lastIndexOf(agrees));
      }),
    );
  });
});
