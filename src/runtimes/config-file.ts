import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, describe, type Path, type Problem, show } from "../core/problems.ts";
import { formats, type Position } from "./config-formats.ts";

/** A configuration as it was written, not yet checked, and where that was. */
export interface ConfigSource {
  readonly raw: unknown;
  /** A file as it was named, or `ROUNDABOUT_CONFIG`. */
  readonly origin: string;
  /** Where a key is written, or the nearest around it; `undefined` in a module. */
  locate(path: Path): Position | undefined;
  /** Runs what checks the configuration, and puts into its problems where each was written.
   * @throws {ConfigError} */
  check<Value>(work: () => Value): Value;
}

export interface ConfigPlace {
  /** What ROUNDABOUT_CONFIG holds: JSON if it begins with `{`, else a path. */
  readonly setting?: string | undefined;
  /** Named on the command line: goes before everything else. */
  readonly file?: string | undefined;
  /** Where to search, and what paths are relative to. */
  readonly directory: string;
}

const searched = ["roundabout.config.ts", "roundabout.jsonc", "roundabout.json", "roundabout.yaml", "roundabout.toml"];
const moduleEndings = [".ts", ".mts", ".js", ".mjs"];

/**
 * Finds and reads a configuration.
 *
 * @param importModule gives a module by its absolute path; its default export is the configuration
 * @throws {ConfigError} when there is none, or it cannot be read or parsed
 */
export async function readConfig(
  { importModule = (path) => import(pathToFileURL(path).href), ...place }: ConfigPlace & {
    readonly importModule?: (path: string) => unknown;
  },
): Promise<ConfigSource> {
  const found = find(place);
  if (!isModule(found)) return fromText(found);
  try {
    return fromModule(found, await importModule(found.path));
  } catch (error) {
    throw unloadable(found, error);
  }
}

/**
 * The same at once, for who cannot wait.
 *
 * @param importModule a module with top-level await cannot be given this way
 */
export function readConfigSync(
  { importModule = createRequire(import.meta.url), ...place }: ConfigPlace & {
    readonly importModule?: (path: string) => unknown;
  },
): ConfigSource {
  const found = find(place);
  if (!isModule(found)) return fromText(found);
  try {
    return fromModule(found, importModule(found.path));
  } catch (error) {
    throw unloadable(found, error);
  }
}

/** A configuration that was not read from a text: from a module, or put together from arguments. */
export function createSource(
  raw: unknown,
  origin: string,
  locate: ConfigSource["locate"] = () => undefined,
): ConfigSource {
  return {
    raw,
    origin,
    locate,
    check(work) {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new ConfigError(located(error, { origin, locate }), { cause: error });
      }
    },
  };
}

/** One line per problem, in the order of the file: `roundabout.jsonc:4:7: listen.port: expected …, found …`. */
export function formatProblems(error: ConfigError, source: Pick<ConfigSource, "origin" | "locate">): string {
  return located(error, source).map(describe).join("\n");
}

function located({ problems }: ConfigError, { origin, locate }: Pick<ConfigSource, "origin" | "locate">): Problem[] {
  return problems
    .map((problem) => ({ problem, position: problem.at === undefined ? locate(problem.path) : undefined }))
    .sort((one, other) => compare(one.position, other.position))
    .map(({ problem, position }) => {
      const at = position === undefined ? origin : `${origin}:${position.line}:${position.column}`;
      return { ...problem, at: problem.at ?? at };
    });
}

function compare(one: Position = { line: 0, column: 0 }, other: Position = { line: 0, column: 0 }): number {
  return one.line - other.line || one.column - other.column;
}

type Found =
  | { readonly origin: string; readonly path: string; readonly ending: string }
  | { readonly origin: string; readonly text: string; readonly ending: string };

function find({ setting = "", file, directory }: ConfigPlace): Found {
  const text = setting.replace(/^\uFEFF/, "").trimStart();
  if (file === undefined && text.startsWith("{")) return { origin: "ROUNDABOUT_CONFIG", text, ending: ".json" };
  const origin = file ?? (setting === "" ? searched.find((name) => existsSync(resolve(directory, name))) : setting);
  if (origin === undefined) throw new ConfigError([nothingIn(directory)]);
  const ending = extname(origin).toLowerCase();
  const endings = [...moduleEndings, ...Object.keys(formats)];
  if (!endings.includes(ending)) {
    const expected = `a file that ends with ${endings.join(", ")}`;
    throw new ConfigError([{ path: [], expected, found: show(basename(origin)), at: origin }]);
  }
  return { origin, path: resolve(directory, origin), ending };
}

type FoundModule = Extract<Found, { readonly path: string }>;

const isModule = (found: Found): found is FoundModule => moduleEndings.includes(found.ending);

const nothingIn = (directory: string): Problem => ({
  path: [],
  expected: "a configuration",
  found: `none of ${searched.join(", ")} in ${directory}, and no ROUNDABOUT_CONFIG`,
  hint: 'the shortest roundabout.json is {"pools":{"web":{"backends":["http://127.0.0.1:8081"]}}}',
});

function fromText(found: Found): ConfigSource {
  const { origin, ending } = found;
  const parse = formats[ending];
  if (parse === undefined) throw new RangeError(`${ending} is not the ending of a text`);
  const text = ("text" in found ? found.text : readText(found)).replace(/^\uFEFF/, "");
  try {
    const { value, locate } = parse(text, origin);
    return createSource(value, origin, locate);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // Of a parser: too many aliases, nested too deeply for it.
    throw unusable(origin, `${ending.slice(1).toUpperCase()} that can be read`, error);
  }
}

function readText({ origin, path }: FoundModule): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const found = { ENOENT: "no such file", EISDIR: "a directory", EACCES: "one that may not be read" }[code];
    if (found === undefined) throw unusable(origin, "a file that can be read", error);
    throw new ConfigError([{ path: [], expected: "a file", found, at: origin }], { cause: error });
  }
}

function fromModule({ origin }: FoundModule, exports: unknown): ConfigSource {
  const exported = Object(exports) as { readonly default?: unknown; readonly [Symbol.toStringTag]?: string };
  if ("default" in exported) return createSource(exported.default, origin);
  // A CommonJS module, which require() gives as it is.
  if (exported[Symbol.toStringTag] !== "Module") return createSource(exports, origin);
  const expected = "a configuration as the default export";
  throw new ConfigError([{ path: [], expected, found: "no default export", at: origin }]);
}

const unloadable = ({ origin }: FoundModule, error: unknown) =>
  error instanceof ConfigError ? error : unusable(origin, "a module that can be loaded", error);

function unusable(origin: string, expected: string, error: unknown): ConfigError {
  const found = String(error).split("\n")[0] ?? "";
  return new ConfigError([{ path: [], expected, found, at: origin }], { cause: error });
}
