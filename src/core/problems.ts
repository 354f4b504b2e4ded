/** A place in the configuration: keys and list positions from the top. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly path: Path;
  /** What should stand there, fitting behind the word "expected". */
  readonly expected: string;
  /** What stands there, shortened and without credentials. */
  readonly found: string;
  readonly hint?: string;
  /** Where it was written, as `file:line:column` or as much of it as is known. */
  readonly at?: string;
}

/** A configuration that cannot be used, with everything that is wrong with it; the message has one line per problem. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: { cause?: unknown }) {
    super(problems.map(describe).join("\n"), options);
    this.problems = problems;
  }
}

/** One line: `pools.web.backends[0].weight: expected a number from 0 to 1000, found -1`. */
export function describe({ path, expected, found, hint, at }: Problem): string {
  const where = [at, path.length > 0 ? formatPath(path) : undefined].filter((part) => part !== undefined);
  return [...where, `expected ${expected}, found ${found}${hint === undefined ? "" : `; ${hint}`}`].join(": ");
}

export function formatPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `[${show(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join("");
}

/** A path as a key of sets. */
export const pathKey = (path: Path): string => JSON.stringify(path);

const longestShown = 60;

/** A value as it would look in JSON, cut at 60 characters; user names and passwords in URLs are left out. */
export function show(value: unknown): string {
  const text = render(value, longestShown * 2);
  return text.length > longestShown ? `${text.slice(0, longestShown - 1)}…` : text;
}

// Not JSON.stringify, which would write out a file of megabytes to show 60 characters of it, and fails on circles.
function render(value: unknown, budget: number): string {
  if (typeof value === "string") return quote(value);
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${join(value.keys(), budget, (index, left) => render(value[index], left))}]`;
  if (!isPlainObject(value)) return `a ${Object.getPrototypeOf(value)?.constructor?.name ?? "strange object"}`;
  const member = (key: string, left: number) => `${quote(key)}:${render(value[key], left)}`;
  return `{${join(Object.keys(value), budget, member)}}`;
}

const quote = (text: string) => JSON.stringify(text.slice(0, 1000).replace(/(:\/\/)[^@\s]*@/g, "$1***@"));

function join<Key>(keys: Iterable<Key>, budget: number, text: (key: Key, left: number) => string): string {
  let joined = "";
  for (const key of keys) {
    if (joined.length >= budget) break;
    // Each level takes at least one character away, so that a circle ends too.
    joined += (joined === "" ? "" : ",") + text(key, budget - joined.length - 1);
  }
  return joined;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** The word that was probably meant: at most a third of its letters differ, in capitals or not. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > other.length) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const cell = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= one.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const replaced = cell(row - 1, column - 1) + (isSame ? 0 : 1);
      const swapped = isSwapped ? cell(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[row]?.push(Math.min(replaced, swapped, cell(row - 1, column) + 1, cell(row, column - 1) + 1));
    }
  }
  return cell(one.length, other.length);
}
