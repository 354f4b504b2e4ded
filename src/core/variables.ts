import { isPlainObject, type Path, type Problem, show } from "./problems.ts";

/** The value of a variable: of the environment, or a binding on Workers. */
export type Lookup = (name: string) => string | undefined;

// `$${` first, so that it hides what follows it; `${` last, for what was meant as a variable and is none.
const placeholder = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * Puts variables into every string, at any depth but not into keys: `${NAME}`, or `${NAME:-default}` where it may be missing
 * or empty. `$${` stands for `${`. What a variable holds is not looked through again.
 *
 * The original is not changed. Where `isTyped` says so, a string that is one variable as a whole becomes the number or
 * the boolean that it spells: only the schema knows that `${PORT}` is a number and that a header of "1" is a string.
 */
export function substitute(
  raw: unknown,
  lookup: Lookup,
  isTyped: (path: Path) => boolean = () => false,
): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];

  function fill(text: string, path: Path): unknown {
    let isOne = false;
    const filled = text.replace(placeholder, (match, name: string | undefined, otherwise: string | undefined) => {
      if (match === "$${") return "${";
      isOne = match === text;
      const value = name === undefined ? undefined : lookup(name);
      const given = value === "" ? (otherwise ?? value) : (value ?? otherwise);
      if (given === undefined) problems.push(name === undefined ? malformed(path, text) : missing(path, name));
      return given ?? match;
    });
    return isOne && isTyped(path) ? typed(filled) : filled;
  }

  function copy(value: unknown, path: Path, above: readonly unknown[]): unknown {
    if (typeof value === "string") return value.includes("${") ? fill(value, path) : value;
    // A circle, or deeper than any configuration is: the schema refuses it as it stands.
    if (above.includes(value) || above.length > 32) return value;
    const inside = (element: unknown, key: string | number) => copy(element, [...path, key], [...above, value]);
    if (Array.isArray(value)) return value.map(inside);
    if (!isPlainObject(value)) return value;
    // fromEntries makes `__proto__` a key like any other; assigning it would change the prototype.
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, inside(element, key)]));
  }

  return { value: copy(raw, [], []), problems };
}

function typed(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

const missing = (path: Path, name: string): Problem => ({
  path,
  expected: `the variable ${name} to be set`,
  found: "nothing",
  hint: `\${${name}:-default} gives it a default`,
});

const malformed = (path: Path, text: string): Problem => ({
  path,
  expected: "${NAME} or ${NAME:-default}",
  found: show(text),
  hint: "$${ stands for ${ itself",
});
