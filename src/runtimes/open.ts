import { createPorts, lookup, withCertificates } from "#runtime";
import { createLoadBalancer as create, type LoadBalancer } from "../app/app.ts";
import { type ConfigInput, loadConfig } from "../core/config.ts";
import type { Ports } from "../core/ports.ts";
import { createMemoryStore } from "../stores/memory.ts";

/**
 * A load balancer from a configuration, with this runtime's own ports where none are given.
 *
 * @throws {ConfigError} with every problem of the configuration
 */
export function createLoadBalancer(config: ConfigInput, ports: Partial<Ports> = {}): LoadBalancer {
  const all: Ports = { ...createPorts(), store: createMemoryStore(), ...ports };
  const complete = withCertificates(loadConfig(config, all.traits, lookup), config);
  if (complete.store !== "memory" && ports.store === undefined) {
    throw new TypeError(`store: the binding "${complete.store.binding}" has to be handed over as the port "store"`);
  }
  return create(complete, all);
}
