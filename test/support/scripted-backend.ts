import { type Context, Hono } from "hono";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import type { Outgoing, Transport } from "../../src/core/ports.ts";
import { hopByHopNames } from "../../src/core/fields.ts";
import { fetchTransport, respond } from "../../src/transports/fetch.ts";
import { watchBody } from "./watch-body.ts";
import type { FakeClock } from "./fake-clock.ts";

/** Sends to Hono apps in this process, by the backend's host; where there is none, the connection is refused. */
export function transportTo(backends: Readonly<Record<string, Hono>>): Transport {
  const send = async (url: string, init: RequestInit) => {
    const app = backends[new URL(url).host];
    if (app === undefined) throw new ProxyError("connection_refused");
    return await app.request(url, init);
  };
  return fetchTransport(send, {
    init: () => ({}),
    requestBody: (stream) => stream,
    codeOf: () => "connection_terminated",
    answer(response, method, { deadlines, onEnd }, signal) {
      const headers = new Headers(response.headers);
      for (const name of hopByHopNames(headers.get("connection"))) headers.delete(name);
      if (response.body === null) onEnd(0);
      return respond(
        response,
        method,
        headers,
        response.body && watchBody(response.body, deadlines.idleMs, signal, onEnd),
      );
    },
  });
}

/** What a backend saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A backend that answers 200 with what it saw, and remembers it. */
export function createEcho(): { readonly app: Hono; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const app = new Hono();
  app.all("*", async ({ req: { raw } }: Context) => {
    const one = { method: raw.method, url: raw.url, headers: Object.fromEntries(raw.headers), body: await raw.text() };
    seen.push(one);
    return Response.json(one);
  });
  return { app, seen };
}

/** How a scripted backend takes one try. */
export interface Step {
  readonly answers?: number;
  readonly fails?: ErrorCode;
  /** Anything else that a broken transport could throw. */
  readonly throws?: unknown;
  readonly reused?: boolean;
  /** Milliseconds until it answers or fails. */
  readonly takes?: number;
  /** Reads the request's body first, all of it or so many chunks. */
  readonly reads?: "all" | number;
  /** The end is told together with the head, as by runtimes that know no more. */
  readonly endsWithHead?: boolean;
}

/** One try as the transport saw it. */
export interface Try {
  readonly backend: string;
  readonly outgoing: Outgoing;
  /** What was read of the request's body. */
  body: string;
  /** Of the answer. */
  cancelled: boolean;
}

/** A transport that plays a script by backend, a step a try, the last one again and again; and what it saw. */
export function scriptedTransport(
  script: Readonly<Record<string, readonly Step[]>>,
  clock?: FakeClock,
): { readonly transport: Transport; readonly tries: Try[]; readonly order: () => string } {
  const tries: Try[] = [];
  const transport: Transport = async (incoming, outgoing) => {
    const { id } = outgoing.backend;
    const steps = script[id] ?? [{ answers: 200 }];
    const step = steps[Math.min(tries.filter(({ backend }) => backend === id).length, steps.length - 1)]!;
    const one: Try = { backend: id, outgoing, body: "", cancelled: false };
    tries.push(one);
    if (step.reads !== undefined && incoming.body !== undefined) {
      one.body = await readSome(incoming.body.open(), step.reads === "all" ? Number.POSITIVE_INFINITY : step.reads);
    }
    if (step.takes !== undefined) await clock?.advance(step.takes);
    if (step.throws !== undefined) throw step.throws;
    if (step.fails !== undefined) throw new ProxyError(step.fails, { reused: step.reused ?? false });
    return answerOf(step, one, outgoing);
  };
  return { transport, tries, order: () => tries.map(({ backend }) => backend).join(" ") };
}

function answerOf({ answers = 200, endsWithHead }: Step, one: Try, { onEnd }: Outgoing): Response {
  if (endsWithHead) onEnd(undefined);
  const bytes = new TextEncoder().encode(`${answers} from ${one.backend}`);
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes);
        controller.close();
        if (!endsWithHead) onEnd(bytes.byteLength);
      },
      cancel() {
        one.cancelled = true;
        if (!endsWithHead) onEnd(0, new ProxyError("client_aborted"));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status: answers, headers: { "x-from": one.backend } });
}

/** The text of the first chunks, and then no more is asked for. */
export async function readSome(stream: ReadableStream<Uint8Array>, chunks: number): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let left = chunks; left > 0; left--) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
