import { redirectToHttps } from "../../app/redirect.ts";
import type { LoadBalancer } from "../../app/app.ts";
import type { Config, ListenerConfig } from "../../core/config.ts";
import { common } from "./common.ts";

/** A server that listens. */
export interface Door {
  readonly port: number;
  /** Takes no new connections and resolves when those that stand have ended what is in flight. */
  close(): Promise<void>;
  /** Ends every connection at once. */
  cut(): void;
}

/** The servers of a configuration: one a listener. */
export interface Doors {
  /** In the order of the configuration. */
  readonly ports: readonly number[];
  close(): Promise<void>;
  cut(): void;
}

/** What `listen` throws: the listener that could not be opened, and why as the `cause`. */
export interface ListenError extends Error {
  readonly listener: ListenerConfig;
}

/**
 * Opens a door a listener; those that only redirect are opened last, because they have to know where to.
 *
 * @throws {ListenError} when one of them cannot be opened; then none is
 */
export async function openDoors(
  { listen }: Config,
  fetch: LoadBalancer["fetch"],
  open: (listener: ListenerConfig, fetch: LoadBalancer["fetch"]) => Promise<Door>,
): Promise<Doors> {
  const doors = new Map<ListenerConfig, Door>();
  const securePort = () => doors.get(listen.find(({ tls }) => tls !== undefined)!)!.port;
  const redirect = redirectToHttps(securePort, common.newId);
  const inOrder = listen.toSorted((one, other) => Number(isRedirecting(one)) - Number(isRedirecting(other)));
  for (const listener of inOrder) {
    try {
      doors.set(listener, await open(listener, isRedirecting(listener) ? redirect : fetch));
    } catch (cause) {
      for (const door of doors.values()) {
        void door.close();
        door.cut();
      }
      throw Object.assign(new Error(`cannot listen on port ${listener.port}`, { cause }), { listener });
    }
  }
  return {
    ports: listen.map((listener) => doors.get(listener)!.port),
    close: async () => void (await Promise.all([...doors.values()].map((door) => door.close()))),
    cut() {
      for (const door of doors.values()) door.cut();
    },
  };
}

const isRedirecting = ({ redirect }: ListenerConfig) => redirect !== undefined;
