import type { RequestHead } from "./request-head.ts";

/** What a request is made of, for whoever asks. */
export interface RequestParts {
  readonly head: RequestHead;
  readonly secure: boolean;
  /** `undefined`: there is none. */
  body(): ReadableStream<Uint8Array> | undefined;
  onLeave(listener: () => void): () => void;
}

/**
 * A request that is a Request to everybody who looks.
 *
 * Building one with its Headers and its signal costs Node as much as forwarding it; the balancer needs its method and its URL.
 */
class LazyRequest {
  readonly method: string;
  readonly #parts: RequestParts;
  #url: string | undefined;
  #made: Request | undefined;

  constructor(parts: RequestParts) {
    this.method = parts.head.method;
    this.#parts = parts;
  }

  get url(): string {
    return (this.#url ??= urlOf(this.#parts));
  }

  get made(): Request {
    return (this.#made ??= make(this.url, this.#parts));
  }
}

const read = [
  "headers",
  "body",
  "bodyUsed",
  "signal",
  "cache",
  "credentials",
  "destination",
  "duplex",
  "integrity",
  "keepalive",
  "mode",
  "redirect",
  "referrer",
  "referrerPolicy",
] as const;
const call = ["arrayBuffer", "blob", "bytes", "clone", "formData", "json", "text"] as const;
for (const name of read) {
  Object.defineProperty(LazyRequest.prototype, name, {
    get(this: LazyRequest) {
      return this.made[name as keyof Request];
    },
  });
}
for (const name of call) {
  Object.defineProperty(LazyRequest.prototype, name, {
    value(this: LazyRequest) {
      return this.made[name]();
    },
  });
}
Object.setPrototypeOf(LazyRequest.prototype, Request.prototype);

export const lazyRequest = (parts: RequestParts): Request => new LazyRequest(parts) as unknown as Request;

/** A path that a URL parser leaves as it is; what else there may be in a target is for it to read. */
const plain = /^\/[\w\-.~!$&'()*+,;=:@%/?]*$/;
const climbing = /\/(?:\.|%2e)/i;
const hostForm = /^[\w.-]+(?::\d{1,5})?$/;

/** For whoever stands in front of the balancer, which goes by the target itself. */
function urlOf({ head: { target, host }, secure }: RequestParts): string {
  const origin = `${secure ? "https" : "http"}://${host !== undefined && hostForm.test(host) ? host : hostOf(host)}`;
  if (plain.test(target) && !climbing.test(target)) return origin + target;
  const ascii = target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const url = target.startsWith("/") ? origin + ascii : ascii;
  return URL.canParse(url) && /^https?:/i.test(url) ? new URL(url).href : `${origin}/`;
}

const hostOf = (host: string | undefined) =>
  host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : "localhost";

function make(url: string, { head: { method, fields }, body, onLeave }: RequestParts): Request {
  const headers = new Headers();
  for (let index = 0; index < fields.length; index += 2) headers.append(fields[index]!, fields[index + 1]!);
  const aborter = new AbortController();
  onLeave(() => aborter.abort());
  const stream = method === "GET" || method === "HEAD" ? undefined : body();
  return new Request(url, {
    method,
    headers,
    signal: aborter.signal,
    ...(stream === undefined ? {} : { body: stream, duplex: "half" }),
  } as RequestInit);
}
