import type { ProxyError } from "./errors.ts";
import type { Place } from "./address.ts";
import type { Backend } from "./pool.ts";

/** Sends what came in, changed as `outgoing` says, and gives back the answer's head with its body still streaming.
 * @throws {ProxyError} with the reason, as precisely as the runtime tells */
export type Transport = (incoming: Incoming, outgoing: Outgoing) => Promise<Response>;

/** A message's fields; a Headers is one. Names are asked for in lower case. */
export interface Fields {
  /** All values of a name in one, as a list. */
  get(name: string): string | null;
  has(name: string): boolean;
  /** Visits every field line, in the spelling in which it came where the runtime keeps it. */
  forEach(visit: (value: string, name: string) => void): void;
}

/** The WebSockets that pass through, each in its runtime's own way. */
export interface WebSockets {
  /**
   * Makes the handshake with a backend, as a transport does with a request.
   *
   * Where the backend agrees, what is given back stands for its answer until the door at which `arrival` came in accepts the client;
   * `onEnd` is called when the WebSocket has ended.
   */
  open(arrival: Arrival, incoming: Incoming, outgoing: Outgoing): Promise<Response>;
  /** How many are open. */
  count(): number;
  /** Closes all of them with 1001; resolves when they have ended, cut off a moment later at the latest. */
  goAway(): Promise<void>;
}

/** A request as it came in, after whatever stood in front of the balancer. */
export interface Incoming {
  readonly method: string;
  readonly headers: Fields;
  /** `undefined` where the client announced none: no Content-Length above 0 and no Transfer-Encoding. */
  readonly body: RequestBody | undefined;
  /** Calls `listener` once nobody waits for the answer any more; gives back how to stop listening. */
  onAbort(listener: () => void): () => void;
  /** Aborts when `onAbort` calls, where the runtime has a signal for nothing. */
  readonly signal?: AbortSignal | undefined;
  /** The fields after the body's last chunk, once it has been read: name, value, name, value. */
  readonly trailers?: (() => readonly string[]) | undefined;
  /** Takes an answer before the answer (RFC 9110 §15.2), where the runtime can pass it on. */
  readonly onInterim?: ((status: number, fields: readonly string[]) => void) | undefined;
  /** Whether the answer goes straight to the runtime's server, so that nobody can want to change it. */
  readonly direct?: boolean | undefined;
  /** The protocol to switch to, in an upgrade that was let through. */
  readonly upgrade?: "websocket" | undefined;
}

/** A request's body that may have to be sent to a second backend. */
export interface RequestBody {
  /** Bytes as announced by Content-Length; `undefined` for a chunked body. */
  readonly length: number | undefined;
  /** Whether `open` can be called (again): nothing was read, or all that was read is kept. */
  readonly replayable: boolean;
  /** All of it, where it came together with the head. */
  readonly whole?: Uint8Array | undefined;
  /** Why the body could not be read to its end: the client left, or it is longer than allowed. */
  readonly failure: ProxyError | undefined;
  /** The whole body from its first byte. What an earlier `open` gave is dead from then on. */
  open(): ReadableStream<Uint8Array>;
  /** Nobody wants the rest: the answer has ended. */
  abandon?(): void;
}

/** A change to what came in, not a new Request: each transport applies it to its runtime's own form. */
export interface Outgoing {
  readonly backend: Backend;
  readonly peer: Peer;
  /** Path and query as they go on the wire. */
  readonly target: string;
  /** The Host field; `undefined` is the backend's own. */
  readonly host: string | undefined;
  readonly headers: HeaderEdits;
  readonly deadlines: Deadlines;
  /** Asks for a new connection: a probe, or the second try after a stale one. */
  readonly fresh?: boolean;
  /** Called once after an answer was given: when its body has ended, or with the head where the runtime tells no more. `error`: it broke. */
  onEnd(bytes: number | undefined, error?: unknown): void;
}

/** How a pool's backends are spoken to: one object a pool, so that connections can be kept by it. */
export interface Peer {
  readonly protocol: "http1" | "h2" | "h2c";
  /** Of https backends; `undefined`: they are known by the system's CAs and their own names. */
  readonly tls: BackendTls | undefined;
}

/** How secure connections to backends are made otherwise than usual: PEM texts, not paths. */
export interface BackendTls {
  /** Who may have signed a backend's certificate, in the place of the system's CAs. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name to ask for and to find in the certificate, in the place of the backend's own. */
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** Field names in lower case; `set` wins over `drop`. */
export interface HeaderEdits {
  readonly drop: ReadonlySet<string>;
  readonly set: readonly (readonly [name: string, value: string])[];
}

/** Milliseconds. */
export interface Deadlines {
  readonly connectMs: number;
  /** From the request fully sent to the answer's head. */
  readonly responseMs: number;
  /** While the backend takes nothing of the request's body that is there. */
  readonly sendMs: number;
  /** Between two chunks of the answer; 0 is no limit. */
  readonly idleMs: number;
}

/** Strings by key: the part of a Workers KV binding that is used, so that a binding is a Store. */
export interface Store {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Milliseconds since the Unix epoch, and waiting. */
export interface Clock {
  now(): number;
  /** Resolves early, and does not reject, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1). */
export type Random = () => number;

/** A request at the door, with what its runtime handed over beside it: the part of Hono's Context that is used. */
export interface Arrival {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
}

/** A request before it was made a Request: every byte as it came. */
export interface RawRequest {
  /** Its server holds no `limits.headBytes`: the app has to, whatever the traits say. */
  readonly unbounded?: boolean;
  readonly headers: Fields;
  readonly target: string;
  /** The body will be read: a client that waits to be asked for it is asked. */
  ask?(): void;
  /** The body if all of its `length` bytes came together with the head; or where there is no other way to pass it on, when they have. */
  whole(length: number): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  readonly trailers?: Incoming["trailers"];
  readonly onInterim?: Incoming["onInterim"];
}

/** What this runtime knows of the connection that a request came in on. */
export interface Client {
  readonly address: string | undefined;
  /** The port the client connected to. */
  readonly port: number | undefined;
  /** Whether it came by TLS, where that is better known than from the request's URL. */
  readonly secure?: boolean | undefined;
  /** Where it is, where the platform tells: codes such as "DE", "EU" and "FRA". */
  readonly place?: Readonly<Partial<Record<"country" | "continent" | "colo", string>>> | undefined;
  /** Whether nobody stands between the runtime's server and the balancer. */
  readonly direct?: boolean;
  /** The request as that server read it, where it tells. */
  readonly raw?: RawRequest | undefined;
  /** Calls `listener` once the client has left, with its whole answer or without; gives back how to stop listening. */
  onLeave(listener: () => void): () => void;
  readonly signal?: AbortSignal | undefined;
}

/** A structured log: LogTape's Logger is one. */
export interface Log {
  debug(message: string, properties?: Record<string, unknown>): void;
  info(message: string, properties?: Record<string, unknown>): void;
  warn(message: string, properties?: Record<string, unknown>): void;
  error(message: string, properties?: Record<string, unknown>): void;
}

/** Options that cannot be kept, or values of them: all but `except`, or only those that `only` matches. */
export interface Inability {
  readonly path: string;
  readonly why: string;
  readonly except?: unknown;
  readonly only?: RegExp;
}

/** What a runtime does otherwise than the rest, as data. */
export interface Traits {
  readonly name: string;
  /** Where round robin begins unless it is configured. */
  readonly start: "first" | "random";
  /** Whether pools are checked unless it is configured. */
  readonly healthCheck: boolean;
  /** Whether the app has to hold `limits.headBytes` itself because the server does not. */
  readonly headLimit: "server" | "app";
  /** Whether the platform says where a client is. */
  readonly knowsPlaces?: true;
  /** How much of a request's body to ask for at a time; absent: as it comes. */
  readonly readBytes?: number;
  /** Whether a body that nobody reads any more has to be cancelled, or its connection hangs. */
  readonly cancelsBodies?: true;
  /** Probes sent at the same time unless it is configured. */
  readonly probeConcurrency: number;
  /** How long one `scheduled()` sweeps, in milliseconds, how many probes it may send beyond the first sweep, and how many at once. */
  readonly window: { readonly ms: number; readonly probes: number; readonly concurrency: number };
  /** Options that cannot be kept here: a dotted path, `*` for any key, and why. */
  readonly cannot: readonly Inability[];
}

/** What the world brings. A test brings its own. */
export interface Ports {
  readonly traits: Traits;
  readonly transport: Transport;
  readonly webSockets: WebSockets;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** A fresh id for a request that brings none. */
  readonly newId: () => string;
  /** A TCP check: connected and closed again. */
  connect(place: Place, signal: AbortSignal): Promise<void>;
  client(arrival: Arrival): Client;
  readonly log: Log;
}
