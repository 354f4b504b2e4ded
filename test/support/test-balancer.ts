import type { Hono } from "hono";
import { createLoadBalancer, type LoadBalancer } from "../../src/app/app.ts";
import { parseConfig } from "../../src/core/config.ts";
import type { Ports } from "../../src/core/ports.ts";
import { createEcho, type Seen, transportTo } from "./scripted-backend.ts";
import { createTestPorts, type TestPorts } from "./test-ports.ts";

export interface TestBalancer extends LoadBalancer {
  readonly ports: TestPorts;
  /** Asks the balancer as a client would. */
  ask(target: string, init?: RequestInit): Promise<Response>;
}

/** A balancer in this process over Hono apps by host; `pool` goes into its only pool, "web", and `rest` beside the pools. */
export function createTestBalancer(
  backends: Readonly<Record<string, Hono>>,
  pool: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
  changes: Partial<Omit<Ports, "clock" | "log">> = {},
): TestBalancer {
  const ports = createTestPorts({ transport: transportTo(backends), ...changes });
  const urls = Object.keys(backends).map((host) => `http://${host}`);
  const raw = { pools: { web: { backends: urls, healthCheck: false, ...pool } }, ...rest };
  const balancer = createLoadBalancer(parseConfig(raw, ports.traits), ports);
  return {
    ...balancer,
    ports,
    ask: async (target, init = {}) => {
      const headers = new Headers(init.headers);
      if (!headers.has("host")) headers.set("host", "front.test");
      return await balancer.fetch(new Request(`http://front.test${target}`, { ...init, headers }));
    },
  };
}

/** A balancer over one backend that answers with what it saw. */
export function createEchoing(
  pool: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
  changes: Partial<Omit<Ports, "clock" | "log">> = {},
) {
  const { app, seen } = createEcho();
  const balancer = createTestBalancer({ "a.test": app }, pool, rest, changes);
  return {
    ...balancer,
    seen,
    /** What the backend saw of a request. */
    async sees(target: string, init: RequestInit = {}): Promise<Seen> {
      const response = await balancer.ask(target, init);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()) as Seen;
    },
  };
}
