import type { CaseContext } from "../conformance/case.ts";
import { type EvilAnswer, strikeBack } from "./answers/answer.ts";
import { endings, garbage, poisons, splits } from "./answers/heads.ts";
import { tricks } from "./answers/tricks.ts";
import { aborts } from "./aborts.ts";
import type { Attack } from "./attack.ts";
import { bodiesOfMethods, bothFramings } from "./attacks/both.ts";
import { chunks } from "./attacks/chunks.ts";
import { contentLengths } from "./attacks/content-length.ts";
import { claims } from "./attacks/fields.ts";
import { hosts } from "./attacks/hosts.ts";
import { lineEnds } from "./attacks/lines.ts";
import { methods } from "./attacks/methods.ts";
import { earlyAnswers, expectations, pipelines } from "./attacks/pipelining.ts";
import { climbs, targets } from "./attacks/targets.ts";
import { transferEncodings } from "./attacks/transfer-encoding.ts";
import { upgrades } from "./attacks/upgrades.ts";
import { floods } from "./floods.ts";
import { gapOf } from "./gaps.ts";
import { order } from "./order.ts";
import { strike, type Verdict, wordsOf } from "./strike.ts";

/** One hostile behaviour, tried on every runtime. */
export interface HostileCase {
  readonly name: string;
  readonly timeoutMs?: number;
  /** Gives back what came of it, in a word, for the table. */
  run(context: CaseContext): Promise<string>;
}

const attacks: readonly Attack[] = [
  ...contentLengths,
  ...transferEncodings,
  ...bothFramings,
  ...bodiesOfMethods,
  ...chunks,
  ...lineEnds,
  ...targets,
  ...climbs,
  ...hosts,
  ...claims,
  ...methods,
  ...upgrades,
  ...earlyAnswers,
  ...pipelines,
  ...expectations,
];

/** With which a server refuses what it was sent; a 5xx of another kind would be put down to a backend. */
const refusals: ReadonlySet<number> = new Set([400, 405, 408, 411, 413, 414, 417, 421, 426, 431, 501, 505, 508]);

/** Why a verdict is not what the attack's rule allows; `undefined`: it is. */
function objection({ rule, isOpen }: Attack, verdict: Verdict): string | undefined {
  if (verdict.kind === "waits") return isOpen ? undefined : "it waits for more";
  if (verdict.kind === "served") {
    if (rule === "refuse") return "it is served";
    return rule === "serve" && verdict.answers < verdict.requests ? "it is not answered" : undefined;
  }
  if (rule === "serve") return `it is refused with ${wordsOf(verdict)}`;
  return verdict.status === undefined || refusals.has(verdict.status)
    ? undefined
    : `it is refused with ${verdict.status}`;
}

const caseOf = (attack: Attack): HostileCase => ({
  name: attack.name,
  async run(context) {
    const gap = gapOf(attack.name, context.runtime);
    const objections: (string | undefined)[] = [];
    let word = "";
    const expected = gap !== undefined && attack.seenByGap !== undefined
      ? { ...attack, seen: attack.seenByGap }
      : attack;
    for (const inPieces of [false, true]) {
      const verdict = await strike(context, expected, inPieces);
      word ||= wordsOf(verdict);
      objections.push(objection(expected, verdict));
      if (expected !== attack && verdict.kind === "served") objections.push("it is served otherwise");
    }
    const found = objections.find((objection) => objection !== undefined);
    if (gap === undefined && found !== undefined) throw new Error(`the rule is "${attack.rule}", but ${found}`);
    if (gap !== undefined && found === undefined) throw new Error(`there is no such gap any more: ${gap.what}`);
    return gap === undefined ? word : `gap: ${word}`;
  },
});

const answers: readonly EvilAnswer[] = [...garbage, ...splits, ...endings, ...poisons];

export const cases: readonly HostileCase[] = [
  ...attacks.map(caseOf),
  ...answers.map((answer) => ({ name: answer.name, run: (context: CaseContext) => strikeBack(context, answer) })),
  ...order,
  ...tricks,
  ...floods,
  ...aborts,
];
