import { type Config, ConfigError, parseConfig } from "../../src/core/config.ts";
import type { Traits } from "../../src/core/ports.ts";

/** A runtime that can do everything. */
export const traits: Traits = {
  name: "node",
  start: "first",
  healthCheck: true,
  headLimit: "server",
  probeConcurrency: 32,
  window: { ms: Number.POSITIVE_INFINITY, probes: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY },
  cannot: [],
};

export const backends = ["http://127.0.0.1:8081"];

/** The smallest configuration, with more keys in its pool, at the top, or in its only route. */
export const web = (pool: Record<string, unknown>) => ({ pools: { web: { backends, ...pool } } });
export const beside = (rest: Record<string, unknown>) => ({ pools: { web: { backends } }, ...rest });
export const routed = (route: Record<string, unknown>) => beside({ routes: [{ pool: "web", ...route }] });

export const parse = (raw: unknown): Config => parseConfig(raw, traits);

/** What `work` complains of; any other error than a ConfigError is thrown on. */
export function complaints(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}
