import type * as v from "valibot";
import { Backends } from "./config-backends.ts";
import { contradictions, notKeptBy } from "./config-rules.ts";
import { configSchema } from "./config-schema.ts";
import type { Backend } from "./pool.ts";
import type { Traits } from "./ports.ts";
import { ConfigError, type Path, pathKey } from "./problems.ts";
import { validate, type Validated } from "./validate.ts";
import { type Lookup, substitute } from "./variables.ts";

export { ConfigError, type Problem } from "./problems.ts";

type Schema = ReturnType<typeof configSchema>;

/** What a user may write. */
export type ConfigInput = v.InferInput<Schema>;
/** What holds: complete, durations in milliseconds, sizes in bytes. */
export type Config = v.InferOutput<Schema>;
export type ListenerConfig = Config["listen"][number];
export type PoolConfig = Config["pools"][string];
export type HealthCheck = Exclude<PoolConfig["healthCheck"], false>;
export type RouteConfig = Config["routes"][number];

/** Checks a configuration and completes it with the defaults.
 * @throws {ConfigError} with every problem, also with the options that this runtime cannot keep */
export function parseConfig(raw: unknown, traits: Traits): Config {
  return usable(examine(raw, traits));
}

/** The same, after variables were put in.
 * @param lookup gives the value of a variable */
export function loadConfig(raw: unknown, traits: Traits, lookup: Lookup): Config {
  const refused = pathsOf(examine(substitute(raw, lookup).value, traits));
  // A variable is a text; where a text is refused, it is taken for the number or the boolean that it spells.
  const filled = substitute(raw, lookup, (path) => refused.has(pathKey(path)));
  const { value, problems } = examine(filled.value, traits);
  const unfilled = pathsOf(filled);
  return usable({
    value,
    problems: [...filled.problems, ...problems.filter(({ path }) => !unfilled.has(pathKey(path)))],
  });
}

/** Checks backends that come from the admin API or from a store.
 * @throws {ConfigError} */
export function parseBackends(raw: unknown): readonly Backend[] {
  return usable(validate(Backends, raw));
}

function examine(raw: unknown, traits: Traits): Validated<Config> {
  const { value, problems } = validate(configSchema(traits), raw);
  return { value, problems: [...problems, ...contradictions(raw), ...notKeptBy(traits, raw)] };
}

const pathsOf = ({ problems }: { readonly problems: readonly { readonly path: Path }[] }): ReadonlySet<string> =>
  new Set(problems.map(({ path }) => pathKey(path)));

function usable<Value>({ value, problems }: Validated<Value>): Value {
  if (problems.length > 0) throw new ConfigError(problems);
  return value;
}
