import type { LoadBalancer } from "../../app/app.ts";
import type { Config } from "../../core/config.ts";
import { openSecureOnDeno } from "./deno-secure-door.ts";
import { type Doors, openDoors } from "./door.ts";
import { openPlain } from "./plain-door.ts";

/** Listens with our own server for HTTP/1.1, and Deno's for HTTP/2.
 * @throws {ListenError} */
export function listen(balancer: LoadBalancer, config: Config): Promise<Doors> {
  const { limits } = config;
  return openDoors(
    config,
    balancer.fetch,
    (listener, fetch) =>
      listener.tls === undefined
        ? openPlain(listener, fetch, limits)
        : openSecureOnDeno(listener, listener.tls, fetch, limits),
  );
}
