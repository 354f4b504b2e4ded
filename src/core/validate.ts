import * as v from "valibot";
import { isPlainObject, nearest, type Path, pathKey, type Problem, show } from "./problems.ts";

/** An object with known keys only. A key that is missing is told in its own words, not in the object's. */
export function section<const Entries extends v.ObjectEntries>(entries: Entries, expected: string = "an object") {
  return v.strictObject(entries, ({ path }) => {
    const key = String(path?.[0].key);
    const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
    return (entry && v.safeParse(entry, undefined).issues?.[0].message) ?? expected;
  });
}

/** A key that may be left out, with what then holds and what it means. */
export function option<
  const Schema extends v.GenericSchema,
  const Default extends v.Default<Schema, undefined>,
>(schema: Schema, fallback: Default, description: string) {
  return v.pipe(v.optional(schema, fallback), v.description(description));
}

/** What came out, and everything that was wrong; the value can be used only if nothing was. */
export interface Validated<Value> {
  readonly value: Value;
  readonly problems: readonly Problem[];
}

/** Every message of the schema has to say what is expected, fitting behind that word. */
export function validate<const Schema extends v.GenericSchema>(
  schema: Schema,
  raw: unknown,
): Validated<v.InferOutput<Schema>> {
  const { output, issues = [] } = v.safeParse(schema, raw);
  const problems = [...misshapen(schema, raw, [])];
  const wrong = new Set(problems.map(({ path }) => pathKey(path)));
  const told = new Set<string>();
  for (const problem of issues.flatMap((issue) => [...problemsOf(issue, raw, [])])) {
    const key = pathKey([...problem.path, problem.expected]);
    const isBelow = problem.path.some((_, depth) => wrong.has(pathKey(problem.path.slice(0, depth))));
    if (!isBelow && !wrong.has(pathKey(problem.path)) && !told.has(key)) problems.push(problem);
    told.add(key);
  }
  return { value: output as v.InferOutput<Schema>, problems };
}

function* problemsOf(issue: v.BaseIssue<unknown>, raw: unknown, above: Path): Generator<Problem> {
  const path = [...above, ...(issue.path ?? []).map(({ key }) => key as string | number)];
  if (issue.expected === "never") return; // misshapen() tells all unknown keys, valibot the first
  // Of the forms that a value can have, the one that it took, if its kind fits one.
  const isList = Array.isArray(valueAt(raw, path));
  const fits = ({ path, kind }: v.BaseIssue<unknown>) =>
    path === undefined ? kind === "validation" : !(isList && path[0].type === "object");
  const told = issue.issues?.filter(fits) ?? [];
  for (const inner of told) yield* problemsOf(inner, raw, path);
  if (told.length > 0) return;
  const last = issue.path?.at(-1);
  const isName = last?.origin === "key" && issue.type !== "strict_object";
  const value = isName ? last.key : valueAt(raw, path);
  // One that is too short may be what somebody uses elsewhere, and problems are logged.
  const isSecret = path.at(-1) === "secret" && typeof value === "string";
  yield { path, expected: issue.message, found: isSecret ? `a text of ${value.length}` : show(value) };
}

export function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Record<string | number, unknown>)[key];
  }, raw);
}

type Shape = Partial<{
  wrapped: v.GenericSchema;
  options: readonly v.GenericSchema[];
  entries: v.ObjectEntries;
  item: v.GenericSchema;
  value: v.GenericSchema;
  message: unknown;
}>;

/** What valibot lets pass or tells in part: arrays and dates in the place of objects, unknown keys, `__proto__` and the like. */
function* misshapen(schema: v.GenericSchema, raw: unknown, path: Path, expected = "an object"): Generator<Problem> {
  if (typeof raw !== "object" || raw === null) return;
  const { wrapped, options, entries, item, value, message } = schema as Shape;
  const words = typeof message === "string" ? message : expected;
  if (wrapped !== undefined) {
    yield* misshapen(wrapped, raw, path, expected);
  } else if (schema.type === "union") {
    // To JavaScript a list is an object too: where a value may be either, only the form that it could be is looked at.
    const isList = (form: v.GenericSchema) => (form as Shape).item !== undefined;
    const fitting = options?.filter((form) => isList(form) === Array.isArray(raw)) ?? [];
    for (const form of fitting.length > 0 ? fitting : (options ?? [])) yield* misshapen(form, raw, path, words);
  } else if (item !== undefined) {
    if (Array.isArray(raw)) {
      for (const [index, element] of raw.entries()) yield* misshapen(item, element, [...path, index]);
    }
  } else if (entries !== undefined || (schema.type === "record" && value !== undefined)) {
    if (!isPlainObject(raw)) return yield { path, expected: words, found: show(raw) };
    for (const [key, element] of Object.entries(raw)) {
      const inner = entries === undefined ? value : Object.hasOwn(entries, key) ? entries[key] : undefined;
      if (inner === undefined) yield unknownKey([...path, key], key, Object.keys(entries ?? {}));
      // valibot leaves these out without a word.
      else if (/^(__proto__|prototype|constructor)$/.test(key)) yield builtIn([...path, key], key);
      else yield* misshapen(inner, element, [...path, key]);
    }
  }
}

function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
  return { path, expected: "a known key", found: show(key), hint };
}

const builtIn = (path: Path, key: string): Problem => ({
  path,
  expected: "a name that is not built into JavaScript",
  found: show(key),
});
