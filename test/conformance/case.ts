import type { ConnectOptions, RawClient, RawResponse, RequestOptions } from "../support/raw-client.ts";
import type { Handler, RawBackend } from "../support/raw-backend.ts";
import type { ConfigObject, RunningBalancer } from "./balancer.ts";
import type { RuntimeName } from "./runtimes.ts";

/** One behaviour, asked of the balancer on every runtime. */
export interface ConformanceCase {
  readonly name: string;
  /** Where it does not hold, and why it cannot. */
  readonly gaps?: Partial<Record<RuntimeName, string>>;
  /** The runtimes that it is about; absent: all. */
  readonly only?: readonly RuntimeName[];
  /** Why this machine cannot run it. */
  readonly skip?: string | false;
  readonly timeoutMs?: number;
  run(context: CaseContext): Promise<void>;
}

/** A balancer and its backends that several cases share; each case finds the backends as new. */
export interface StagePlan<Name extends string> {
  readonly backends: readonly Name[];
  config(urls: Readonly<Record<Name, string>>, runtime: RuntimeName): ConfigObject;
  /** What serves instead of the runtime's command; `-c FILE` follows. */
  readonly serve?: readonly [string, ...string[]];
}

export interface Stage<Name extends string = string> {
  readonly balancer: RunningBalancer;
  readonly port: number;
  readonly backends: Readonly<Record<Name, RawBackend>>;
  connect(options?: ConnectOptions): Promise<RawClient>;
  exchange(options?: RequestOptions & ConnectOptions): Promise<RawResponse>;
}

/** What a case works with; whatever it opened is closed when it ends, also when it fails. */
export interface CaseContext {
  readonly runtime: RuntimeName;
  stage<Name extends string>(plan: StagePlan<Name>): Promise<Stage<Name>>;
  /** @param serve what serves instead of the runtime's command */
  start(config: ConfigObject, serve?: StagePlan<string>["serve"]): Promise<RunningBalancer>;
  backend(name?: string, handler?: Handler): Promise<RawBackend>;
  connect(port: number, options?: ConnectOptions): Promise<RawClient>;
  onEnd(clean: () => unknown): void;
}
