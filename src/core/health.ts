import * as v from "valibot";

const HealthSchema = v.object({ status: v.picklist(["healthy", "unhealthy"]), streak: v.number(), since: v.number() });

const SweptSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ sweptAt: v.number(), health: v.record(v.string(), HealthSchema) }),
);

/** What a sweep leaves in a store: `sweptAt` in milliseconds since the epoch, health by backend id. */
export type Swept = v.InferOutput<typeof SweptSchema>;

/** @throws for a text that another version of us, or somebody else, has written */
export function parseSwept(text: string): Swept {
  return v.parse(SweptSchema, text);
}

/** The judgement so far. `streak` counts checks in a row that disagree with `status`. */
export interface Health {
  readonly status: "healthy" | "unhealthy";
  readonly streak: number;
  /** When `status` began, milliseconds since the epoch. */
  readonly since: number;
}

/** How many checks in a row turn a backend. */
export interface HealthRule {
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/**
 * What one more check makes of the judgement: it turns when as many in a row disagree as `rule` asks for.
 *
 * The first-ever result counts at once, whatever the thresholds. The same object comes back when nothing changed.
 *
 * @param before `undefined`: never checked
 * @param now milliseconds since the epoch
 */
export function judge(before: Health | undefined, passed: boolean, rule: HealthRule, now: number): Health {
  const found = passed ? "healthy" : "unhealthy";
  if (before === undefined) return { status: found, streak: 0, since: now };
  if (before.status === found) return before.streak === 0 ? before : { ...before, streak: 0 };
  const streak = before.streak + 1;
  const threshold = passed ? rule.healthyThreshold : rule.unhealthyThreshold;
  return streak < threshold ? { ...before, streak } : { status: found, streak: 0, since: now };
}
