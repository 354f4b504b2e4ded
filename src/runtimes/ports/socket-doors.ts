import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { type Door, type Doors, openDoors } from "./door.ts";
import { openPlain } from "./plain-door.ts";

/** Opens a listener with TLS, for HTTP/2 and HTTP/1.1. */
type OpenSecure = (
  listener: ListenerConfig,
  tls: NonNullable<ListenerConfig["tls"]>,
  fetch: LoadBalancer["fetch"],
  limits: Config["limits"],
) => Promise<Door>;

/** What listens with our own server for HTTP/1.1, and with another for HTTP/2. It throws {@link ListenError}. */
export const socketDoors = (openSecure: OpenSecure) => ({ fetch }: LoadBalancer, config: Config): Promise<Doors> =>
  openDoors(
    config,
    fetch,
    (listener, served) =>
      listener.tls === undefined
        ? openPlain(listener, served, config.limits)
        : openSecure(listener, listener.tls, served, config.limits),
  );
