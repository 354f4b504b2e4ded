import { connect } from "cloudflare:sockets";
import type { Config } from "../../core/config.ts";
import { ProxyError } from "../../core/errors.ts";
import type { Arrival, Client, Ports, Store, Transport, WebSockets } from "../../core/ports.ts";
import { workersTransport } from "../../transports/workers.ts";
import { traits } from "../traits.ts";
import { common, onSignal, type RuntimePorts } from "./common.ts";

/** What Workers bring. */
export function createPorts(): RuntimePorts {
  const transport = workersTransport();
  return { ...common, traits: traits.workers, transport, webSockets: passedOn(transport), connect: tcpConnect, client };
}

/** WebSockets are an answer like others here, and joined by the runtime: nobody knows when they end. */
const passedOn = (transport: Transport): WebSockets => ({
  open: (_, incoming, outgoing) => transport(incoming, outgoing),
  count: () => 0,
  goAway: () => Promise.resolve(),
});

/** Variables come with each request's bindings here, not from the process. */
export const lookup = (): string | undefined => undefined;

/** There are no files here, and no connections whose certificates could be chosen. */
export const withCertificates = (config: Config): Config => config;

/** What a Worker's own door hands over beside a request; behind another app it is that app's bindings. */
export interface WorkersEnv {
  /** Of workerd outside Cloudflare. */
  readonly ROUNDABOUT_PORT: string | undefined;
  readonly direct: true;
}

function client({ req: { raw }, env }: Arrival): Client {
  const { ROUNDABOUT_PORT: port, direct = false } = (env ?? {}) as Partial<WorkersEnv>;
  const { cf } = raw as { cf?: { clientIp?: string; country?: string; continent?: string; colo?: string } };
  // workerd outside Cloudflare says address and port here, and passes a client's own CF-Connecting-IP on as if it were true.
  const address = cf?.clientIp?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") ?? raw.headers.get("cf-connecting-ip");
  return {
    address: address ?? undefined,
    port: port === undefined ? undefined : Number(port),
    place: cf,
    direct,
    onLeave: onSignal(raw),
    signal: raw.signal,
  };
}

const tcpConnect: Ports["connect"] = async ({ hostname, port }, signal) => {
  const socket = connect({ hostname, port });
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new ProxyError("connection_timeout")));
  });
  try {
    await Promise.race([socket.opened, aborted]);
  } catch (cause) {
    throw cause instanceof ProxyError ? cause : new ProxyError("connection_refused", { cause });
  } finally {
    socket.close().catch(() => {});
  }
};

/** The part of a KV binding that is used. */
export interface KvBinding {
  get(key: string, options: { cacheTtl: number }): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** A KV binding as a store: read through the edge's own cache for as short as it allows. */
export function kvStore(binding: KvBinding): Store {
  return {
    get: (key) => binding.get(key, { cacheTtl: 30 }),
    put: (key, value) => binding.put(key, value),
    delete: (key) => binding.delete(key),
  };
}
