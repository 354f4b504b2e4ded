import { type ConnectOptions, connectRaw, exchange } from "../support/raw-client.ts";
import { createRawBackend, type RawBackend } from "../support/raw-backend.ts";
import { startBalancer } from "./balancer.ts";
import type { CaseContext, Stage, StagePlan } from "./case.ts";
import type { RuntimeName } from "./runtimes.ts";

/** What has to be closed, in the order it was opened. */
export type Cleaning = (() => unknown)[];

export async function clean(cleaning: Cleaning): Promise<void> {
  for (const step of cleaning.splice(0).reverse()) await step();
}

async function openStage<Name extends string>(
  plan: StagePlan<Name>,
  runtime: RuntimeName,
  ending: Cleaning,
): Promise<Stage<Name>> {
  const named = plan.backends.map(async (name) => {
    const backend = await createRawBackend(name);
    ending.push(() => backend.close());
    return [name, backend] as const;
  });
  const backends = Object.fromEntries(await Promise.all(named)) as Record<Name, RawBackend>;
  const urls = Object.fromEntries(plan.backends.map((name) => [name, backends[name].url])) as Record<Name, string>;
  const balancer = await startBalancer(runtime, plan.config(urls, runtime), plan.serve);
  ending.push(() => balancer.process.end());
  const { port } = balancer;
  return {
    balancer,
    port,
    backends,
    connect: (options) => connectRaw(port, options),
    exchange: (options) => exchange(port, options),
  };
}

/** Makes the context of each case; stages are opened by the first case that asks and closed by `ending`. */
export function createContexts(runtime: RuntimeName, ending: Cleaning): (cleaning: Cleaning) => CaseContext {
  const stages = new Map<object, Promise<Stage>>();
  return (cleaning) => {
    const connect = async (port: number, options?: ConnectOptions) => {
      const client = await connectRaw(port, options);
      cleaning.push(() => client.leave());
      return client;
    };
    return {
      runtime,
      async stage<Name extends string>(plan: StagePlan<Name>) {
        const opened = stages.get(plan) ?? openStage(plan, runtime, ending);
        stages.set(plan, opened);
        const stage = (await opened) as Stage<Name>;
        for (const name of plan.backends) {
          await stage.backends[name].accept();
          stage.backends[name].reset();
        }
        return { ...stage, connect: (options) => connect(stage.port, options) };
      },
      async start(config, serve) {
        const balancer = await startBalancer(runtime, config, serve);
        cleaning.push(() => balancer.process.end());
        return balancer;
      },
      async backend(name, handler) {
        const backend = await createRawBackend(name, handler);
        cleaning.push(() => backend.close());
        return backend;
      },
      connect,
      onEnd: (step) => void cleaning.push(step),
    };
  };
}
