import type { LoadBalancer } from "../app/app.ts";
import { createLoadBalancer } from "../app/app.ts";
import { type ConfigInput, loadConfig } from "../core/config.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { configureLog, jsonLines } from "./logging.ts";
import { createPorts, type KvBinding, kvStore, type WorkersEnv } from "./ports/workers.ts";

/** Variables and bindings, as Workers hand them over with each call. */
type Env = Readonly<Record<string, unknown>>;

/** The two doors of a Worker; `config` is what was bundled in, else the variable ROUNDABOUT_CONFIG holds it as JSON. */
export function createWorker(config?: ConfigInput) {
  // One balancer an isolate, because cursors and counts live in it.
  let balancer: LoadBalancer | undefined;
  let given: WorkersEnv | undefined;
  const open = (
    env: Env,
  ) => (balancer ??= openWith(config ?? JSON.parse(textOf(env, "ROUNDABOUT_CONFIG") ?? "{}"), env));
  return {
    fetch(request: Request, env: Env, context: { waitUntil(work: Promise<unknown>): void }) {
      given ??= { ROUNDABOUT_PORT: textOf(env, "ROUNDABOUT_PORT"), direct: true };
      const answer = Promise.resolve(open(env).fetch(request, given, context));
      // Else nothing runs on when a client resets its connection, and what it was counted for stays counted.
      context.waitUntil(answer.catch(() => {}));
      return answer;
    },
    scheduled: (_controller: unknown, env: Env) => open(env).scheduled(),
    /** Ends the checks and turns readiness, where a process can say that it ends: Cloudflare never does. */
    close: () => balancer?.close(),
  };
}

function openWith(raw: unknown, env: Env): LoadBalancer {
  const ports = createPorts();
  const config = loadConfig(raw, ports.traits, (name) => textOf(env, name));
  configureLog(config.log, jsonLines, (line) => console.log(line.trimEnd()));
  const store = config.store === "memory" ? createMemoryStore() : kvStore(bindingOf(env, config.store.binding));
  return createLoadBalancer(config, { ...ports, store });
}

function textOf(env: Env, name: string): string | undefined {
  const value = env[name];
  return typeof value === "string" ? value : undefined;
}

function bindingOf(env: Env, name: string): KvBinding {
  const binding = env[name];
  if (typeof binding !== "object" || binding === null) {
    throw new TypeError(`there is no KV binding "${name}"; see store.binding`);
  }
  return binding as KvBinding;
}

export default createWorker();
