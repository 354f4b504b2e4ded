import process from "node:process";
import { createPorts, lookup, withCertificates } from "#runtime";
import { createLoadBalancer } from "../app/app.ts";
import { loadConfig } from "../core/config.ts";
import { type ConfigSource, createSource, readConfig } from "../runtimes/config-file.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { type Command, parseOptions, portFrom, UsageError } from "./command.ts";
import { logToStdout } from "./log.ts";
import { run } from "./run.ts";

const options = {
  config: { type: "string", short: "c" },
  port: { type: "string" },
  policy: { type: "string" },
  "health-path": { type: "string" },
} as const;

type Values = { readonly [Name in keyof typeof options]?: string | undefined };

/** `roundabout serve`: runs the balancer with this runtime's own server. */
export const serve: Command = {
  summary: "run the balancer",
  usage: `[URL...] [options]

  URL...              backends of one pool, instead of a configuration file
  -c, --config FILE   the configuration: .ts, .jsonc, .json, .yaml or .toml
  --port PORT         listen here, whatever the configuration says; 0 picks a free port
  --policy NAME       how backends are chosen, in every pool
  --health-path PATH  check the backends of every pool with GET PATH`,
  async run(args) {
    const { values, positionals } = parseOptions(args, options);
    const source = await sourceOf(positionals, values.config);
    const ports = createPorts();
    const raw = withOptions(source.raw, values);
    const config = source.check(() => withCertificates(loadConfig(raw, ports.traits, lookup), raw));
    logToStdout(config.log);
    const balancer = createLoadBalancer(config, { ...ports, store: createMemoryStore() });
    return await run(balancer, { config, origin: source.origin, log: ports.log });
  },
};

async function sourceOf(urls: readonly string[], file: string | undefined): Promise<ConfigSource> {
  if (urls.length === 0) {
    return await readConfig({ setting: process.env["ROUNDABOUT_CONFIG"], file, directory: process.cwd() });
  }
  if (file !== undefined) throw new UsageError("backends come from -c FILE or from the command line, not from both");
  return createSource({ pools: { default: { backends: urls } } }, "the command line");
}

/** What the command line says goes over what the file says; what is no configuration at all is left for the schema to refuse. */
function withOptions(raw: unknown, values: Values): unknown {
  if (!isRecord(raw)) return raw;
  const { port, policy, "health-path": path } = values;
  const inPool = (pool: Record<string, unknown>) => ({
    ...pool,
    ...(policy !== undefined && { policy }),
    ...(path !== undefined && { healthCheck: { ...(isRecord(pool["healthCheck"]) && pool["healthCheck"]), path } }),
  });
  const pools = isRecord(raw["pools"])
    ? Object.fromEntries(
      Object.entries(raw["pools"]).map(([name, pool]) => [name, isRecord(pool) ? inPool(pool) : pool]),
    )
    : raw["pools"];
  if (port === undefined) return { ...raw, pools };
  return { ...raw, pools, listen: withPort(raw["listen"], portFrom(port)) };
}

/** Of several listeners the first gets it. */
function withPort(listen: unknown, port: number): unknown {
  if (!Array.isArray(listen)) return { ...(isRecord(listen) ? listen : {}), port };
  return listen.map((one, index) => (index === 0 && isRecord(one) ? { ...one, port } : one));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
