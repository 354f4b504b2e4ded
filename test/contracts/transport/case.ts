import type { ProxyError } from "../../../src/core/errors.ts";
import type { Field } from "../../support/http1.ts";
import type { Handler, RawBackend } from "../../support/raw-backend.ts";

/** What an implementation does otherwise than the contract asks. */
export interface TransportTraits {
  /** Names of cases that do not hold, and why they cannot. */
  readonly gaps: Readonly<Record<string, string>>;
  /** Fields that every request gets from the runtime and nobody can keep out, in lower case. */
  readonly invents: readonly string[];
}

/** One promise of the Transport port. */
export interface TransportCase {
  readonly name: string;
  readonly timeoutMs?: number;
  run(context: TransportContext): Promise<unknown>;
}

/** What a case works with; whatever it opened is closed when it ends, also when it fails. */
export interface TransportContext {
  readonly traits: TransportTraits;
  backend(handler?: Handler): Promise<RawBackend>;
  /** Sends one request through the transport under test; all of a case share one transport. */
  send(to: { readonly url: string }, options?: SendOptions): Sent;
  onEnd(clean: () => unknown): void;
}

export interface SendOptions {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  /** As they came in. */
  readonly fields?: readonly Field[];
  /** Besides the hop-by-hop fields. */
  readonly drop?: readonly string[];
  readonly set?: readonly Field[];
  /** Bytes bring their length, a stream brings none. */
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Announces this length instead; `"chunked"` announces none. */
  readonly length?: number | "chunked" | undefined;
  readonly connectMs?: number;
  readonly responseMs?: number;
  readonly sendMs?: number;
  readonly idleMs?: number;
  readonly fresh?: boolean;
  /** The client left before the transport was called. */
  readonly left?: boolean;
}

/** What `onEnd` was told. */
export interface Ending {
  readonly bytes: number | undefined;
  readonly error: unknown;
}

export interface Sent {
  readonly answer: Promise<Response>;
  /** What the transport throws; anything but a ProxyError fails the case. */
  error(): Promise<ProxyError>;
  /** The client leaves. */
  leave(): void;
  /** The first ending, when it comes. */
  ended(): Promise<Ending>;
  endings(): readonly Ending[];
  /** Whether the transport still listens for the client's leaving. */
  isListening(): boolean;
}
