import process from "node:process";
import { createPorts, lookup, withCertificates } from "#runtime";
import { createLoadBalancer, type LoadBalancer } from "../app/app.ts";
import { type Config, loadConfig } from "../core/config.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { type ConfigPlace, type ConfigSource, readConfig } from "./config-file.ts";
import { configureLog, jsonLines } from "./logging.ts";

/** A balancer and what it was made from. */
export interface Opened {
  readonly balancer: LoadBalancer;
  readonly config: Config;
}

/** Where an entry finds its configuration. */
export const place = (): ConfigPlace => ({ setting: process.env["ROUNDABOUT_CONFIG"], directory: process.cwd() });

/** Makes the balancer that a configuration describes, logging JSON lines. */
export function openSource(source: ConfigSource): Opened {
  const ports = createPorts();
  const config = source.check(() => withCertificates(loadConfig(source.raw, ports.traits, lookup), source.raw));
  configureLog(config.log, jsonLines, (line) => process.stdout.write(line));
  return { balancer: createLoadBalancer(config, { ...ports, store: createMemoryStore() }), config };
}

/**
 * The two doors of a process. The configuration is read when one of them is first used, never at import.
 *
 * @param checks who runs the health checks: the process itself, or a cron that calls `scheduled`
 * @param onOpen is given the balancer once, when it has been made
 */
export function createEntry(checks: "started" | "by-cron", onOpen?: (balancer: LoadBalancer) => void) {
  let opening: Promise<LoadBalancer> | undefined;
  const open = async () => {
    const { balancer } = openSource(await readConfig(place()));
    onOpen?.(balancer);
    if (checks === "started") balancer.start();
    return balancer;
  };
  const opened = () => (opening ??= open());
  return {
    fetch: async (request: Request, env?: unknown, context?: unknown) => (await opened()).fetch(request, env, context),
    scheduled: async () => (await opened()).scheduled(),
  };
}
