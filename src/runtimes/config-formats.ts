import { createRequire } from "node:module";
import { ConfigError, type Path, pathKey } from "../core/problems.ts";
import { tomlKeys } from "./toml-keys.ts";

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What a text holds, and where it is written. */
export interface Parsed {
  readonly value: unknown;
  /** The place of a key or an element, or of the nearest one around it. */
  locate(path: Path): Position | undefined;
}

type Parse = (text: string, origin: string) => Parsed;

// Not import(): Bun's entry has to read its configuration synchronously, and jsonc-parser has no names for Deno to import.
const require = createRequire(import.meta.url);

/** The formats by the end of a file's name. All throw a ConfigError that tells the first place they do not understand. */
export const formats: Readonly<Record<string, Parse>> = {
  ".json": (text, origin) => parseJson(text, origin, false),
  ".jsonc": (text, origin) => parseJson(text, origin, true),
  ".yaml": parseYaml,
  ".yml": parseYaml,
  ".toml": parseToml,
};

function parseJson(text: string, origin: string, relaxed: boolean): Parsed {
  const { parseTree, getNodeValue, printParseErrorCode }: typeof import("jsonc-parser") = require("jsonc-parser");
  type Node = import("jsonc-parser").Node;
  const positionOf = positions(text);
  const errors: import("jsonc-parser").ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: !relaxed, allowTrailingComma: relaxed });
  const [error] = errors;
  if (error !== undefined || root === undefined) {
    const { offset, length, name } = error === undefined
      ? { offset: 0, length: 0, name: "ValueExpected" }
      : { ...error, name: printParseErrorCode(error.error) };
    const found = text.slice(offset, offset + Math.min(length, 40)).trim();
    const expected = jsonExpectations[name] ?? "JSON";
    throw syntaxError(origin, positionOf(offset), expected, found === "" ? "the end of the file" : found);
  }
  refuseTwins(root, []);

  function refuseTwins(node: Node, path: Path): void {
    const seen = new Set<unknown>();
    for (const [index, child] of (node.children ?? []).entries()) {
      const key: string | number = node.type === "object" ? child.children?.[0]?.value : index;
      if (seen.has(key)) throw syntaxError(origin, positionOf(child.offset), "each key once", `"${key}" again`, path);
      seen.add(key);
      const value = node.type === "object" ? child.children?.[1] : child;
      if (value !== undefined) refuseTwins(value, [...path, key]);
    }
  }

  return {
    value: getNodeValue(root),
    locate(path) {
      let node = root;
      let offset = root.offset;
      for (const key of path) {
        const isKey = (child: Node) => child.children?.[0]?.value === key;
        const child = node.type === "object" ? node.children?.find(isKey) : node.children?.[Number(key)];
        const value = node.type === "object" ? child?.children?.[1] : child;
        if (child === undefined || value === undefined) break;
        offset = child.offset;
        node = value;
      }
      return positionOf(offset);
    },
  };
}

const jsonExpectations: Readonly<Record<string, string>> = {
  PropertyNameExpected: "a key in double quotes",
  ValueExpected: "a value",
  InvalidSymbol: "a value",
  InvalidNumberFormat: "a number",
  ColonExpected: "a colon",
  CommaExpected: "a comma",
  CloseBraceExpected: 'a comma or "}"',
  CloseBracketExpected: 'a comma or "]"',
  EndOfFileExpected: "the end of the file",
  InvalidCommentToken: "no comment in JSON (JSONC has them)",
  UnexpectedEndOfComment: "the end of the comment",
  UnexpectedEndOfString: "the end of the string",
  InvalidEscapeCharacter: "an escape that JSON has",
  InvalidUnicode: "four hexadecimal digits",
  InvalidCharacter: "no control character in a string",
};

function parseYaml(text: string, origin: string): Parsed {
  const { parseDocument, isAlias, isMap, isScalar, isSeq }: typeof import("yaml") = require("yaml");
  const positionOf = positions(text);
  const document = parseDocument(text, { prettyErrors: false });
  // A warning is about a tag that it does not know: the value would be something else than what is written.
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    throw syntaxError(origin, positionOf(error.pos[0]), "YAML", "something else", [], error.message);
  }
  return {
    value: document.toJS(),
    locate(path) {
      let node: unknown = document.contents;
      let offset = document.contents?.range?.[0];
      for (const key of path) {
        if (isAlias(node)) node = node.resolve(document);
        const pair = isMap(node)
          ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
          : undefined;
        const child: unknown = isSeq(node) ? node.items[Number(key)] : pair?.key;
        const range = (child as { readonly range?: readonly number[] } | undefined)?.range;
        if (range === undefined) break;
        offset = range[0];
        node = pair === undefined ? child : pair.value;
      }
      return offset === undefined ? undefined : positionOf(offset);
    },
  };
}

function parseToml(text: string, origin: string): Parsed {
  const { parse, TomlError }: typeof import("smol-toml") = require("smol-toml");
  const value = attempt();
  const keys = tomlKeys(text);
  const positionOf = positions(text);

  function attempt(): unknown {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const reason = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "");
      throw syntaxError(origin, { line: error.line, column: error.column }, "TOML", "something else", [], reason);
    }
  }

  return {
    value,
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = keys.get(pathKey(path.slice(0, length)));
        if (offset !== undefined) return positionOf(offset);
      }
      return undefined;
    },
  };
}

function syntaxError(
  origin: string,
  { line, column }: Position,
  expected: string,
  found: string,
  path: Path = [],
  hint?: string,
): ConfigError {
  return new ConfigError([{
    path,
    expected,
    found,
    ...(hint !== undefined && { hint }),
    at: `${origin}:${line}:${column}`,
  }]);
}

/** Turns offsets into lines and columns; the lines are counted when the first is asked for. */
function positions(text: string): (offset: number) => Position {
  let starts: readonly number[] | undefined;
  return (offset) => {
    starts ??= [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((end) => end.index + end[0].length)];
    let low = 0;
    for (let high = starts.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
