export type { LoadBalancer } from "./app/app.ts";
export { ConfigError, type ConfigInput } from "./core/config.ts";
export type { Backend, Pool, Pools } from "./core/pool.ts";
export type { Clock, Log, Ports, Random, Store, Transport } from "./core/ports.ts";
export { createLoadBalancer } from "./runtimes/open.ts";
