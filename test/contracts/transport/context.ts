import assert from "node:assert/strict";
import { ProxyError } from "../../../src/core/errors.ts";
import { withHopByHop } from "../../../src/core/fields.ts";
import type { Incoming, Outgoing, Peer, RequestBody, Transport } from "../../../src/core/ports.ts";
import { createRawBackend } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import type { Ending, SendOptions, Sent, TransportContext, TransportTraits } from "./case.ts";

/** What has to be done when a case is over, in the order it was opened. */
export type Cleaning = (() => unknown)[];

/** Takes every step, the last opened first, and then fails if one did. */
export async function clean(cleaning: Cleaning): Promise<void> {
  const failures: unknown[] = [];
  for (const step of cleaning.splice(0).reverse()) {
    await Promise.try(step).catch((failure: unknown) => failures.push(failure));
  }
  if (failures.length > 0) throw failures[0];
}

const plain: Peer = { protocol: "http1", tls: undefined };

export function createContext(
  transport: Transport,
  traits: TransportTraits,
  cleaning: Cleaning,
  peer: Peer = plain,
): TransportContext {
  return {
    traits,
    async backend(handler) {
      const backend = await createRawBackend("backend", handler);
      cleaning.push(() => backend.close());
      return backend;
    },
    send(to, options = {}) {
      const sent = dispatch(transport, to.url, peer, options);
      cleaning.push(async () => {
        await holdsEnd(sent);
        sent.leave();
      });
      return sent;
    },
    onEnd: (step) => void cleaning.push(step),
  };
}

function dispatch(transport: Transport, url: string, peer: Peer, options: SendOptions): Sent {
  const { host, fresh, left = false, connectMs = 3000, responseMs = 5000, sendMs = 60_000, idleMs = 0 } = options;
  const { body, length } = bodyOf(options);
  const headers = new Headers();
  for (const [name, value] of options.fields ?? []) headers.append(name, value);
  if (length !== undefined) headers.set("content-length", String(length));

  const listeners = new Set<() => void>();
  const incoming: Incoming = {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    body,
    onAbort(listener) {
      listeners.add(listener);
      if (left) listener();
      return () => void listeners.delete(listener);
    },
  };
  const endings: Ending[] = [];
  let tellEnd = (_ending: Ending) => {};
  const ended = new Promise<Ending>((resolve) => (tellEnd = resolve));
  const outgoing: Outgoing = {
    backend: { id: "backend", url, weight: 1, priority: 0, maxRequests: 0, state: "active" },
    peer,
    target: options.target ?? "/",
    host,
    headers: { drop: withHopByHop(["host", "expect", ...(options.drop ?? [])]), set: options.set ?? [] },
    deadlines: { connectMs, responseMs, sendMs, idleMs },
    ...(fresh === undefined ? {} : { fresh }),
    onEnd(bytes, error) {
      endings.push({ bytes, error });
      tellEnd({ bytes, error });
    },
  };
  const answer = transport(incoming, outgoing);
  answer.catch(() => {}); // a case that only looks at the backend leaves it alone

  return {
    answer,
    async error() {
      const thrown = await within(8000, "a failure", answer).then(
        (response) => assert.fail(`answered with ${response.status}`),
        (reason: unknown) => reason,
      );
      if (!(thrown instanceof ProxyError)) throw thrown;
      return thrown;
    },
    leave() {
      for (const listener of listeners) listener();
    },
    ended: () => within(8000, "onEnd", ended),
    endings: () => endings,
    isListening: () => listeners.size > 0,
  };
}

function bodyOf({ body, length }: SendOptions): { body: RequestBody | undefined; length: number | undefined } {
  if (body === undefined) return { body, length: typeof length === "number" ? length : undefined };
  const own = body instanceof ReadableStream ? undefined : Buffer.byteLength(body);
  const announced = length === "chunked" ? undefined : (length ?? own);
  const open = () => (body instanceof ReadableStream ? body : streamOf(Buffer.from(body)));
  return { body: { length: announced, replayable: true, failure: undefined, open }, length: announced };
}

/** The bytes as a stream that, like the proxy's own, is read only when it is asked. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(at, at += 64 * 1024));
      },
    },
    { highWaterMark: 0 },
  );
}

/** What holds for every request: `onEnd` once at most, never without an answer, and nobody listened to after it. */
async function holdsEnd(sent: Sent): Promise<void> {
  const soon = new Promise((resolve) => setTimeout(resolve, 0, "pending"));
  const outcome = await Promise.race([sent.answer.then(() => "answered", () => "threw"), soon]);
  if (outcome === "threw") assert.equal(sent.endings().length, 0, "onEnd was called though the transport threw");
  assert.ok(sent.endings().length <= 1, "onEnd was called again");
  if (outcome === "threw" || sent.endings().length === 1) {
    assert.ok(!sent.isListening(), "still listens for the client's leaving");
  }
}
