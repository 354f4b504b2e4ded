import type { ConfigInput } from "./core/config.ts";

export type { ConfigInput } from "./core/config.ts";

/** Gives a `roundabout.config.ts` its types; returns what it is given. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
