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
  #headers: Headers | undefined;
  #made: Request | undefined;

  constructor(parts: RequestParts) {
    this.method = parts.head.method;
    this.#parts = parts;
  }

  get url(): string {
    return (this.#url ??= urlOf(this.#parts));
  }

  get headers(): Headers {
    return (this.#headers ??= headersOf(this.#parts.head));
  }

  get made(): Request {
    return (this.#made ??= make(this.url, this.headers, this.#parts));
  }
}

for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
  const key = name as "body" & "text";
  if (name in LazyRequest.prototype || name === "method") continue;
  if (get !== undefined) {
    Object.defineProperty(LazyRequest.prototype, name, {
      get(this: LazyRequest) {
        return this.made[key];
      },
    });
  } else if (typeof value === "function") {
    Object.defineProperty(LazyRequest.prototype, name, {
      value(this: LazyRequest) {
        return (this.made[key] as () => unknown)();
      },
    });
  }
}
Object.setPrototypeOf(LazyRequest.prototype, Request.prototype);

export const lazyRequest = (parts: RequestParts): Request => new LazyRequest(parts) as unknown as Request;

/** A path that a URL parser leaves as it is; what else there may be in a target is for it to read. */
const plain = /^\/[\w\-.~!$&'()*+,;=:@%/?]*$/;
const climbing = /\/(?:\.|%2e)/i;
const hostForm = /^[\w.-]+(?::[0-5]?\d{1,4})?$/;

/** For whoever stands in front of the balancer, which goes by the target itself. */
function urlOf({ head: { target, host }, secure }: RequestParts): string {
  const origin = `${secure ? "https" : "http"}://${host !== undefined && hostForm.test(host) ? host : hostOf(host)}`;
  if (plain.test(target) && !climbing.test(target)) return origin + target;
  const ascii = target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const url = target.startsWith("/") ? origin + ascii : ascii;
  if (!URL.canParse(url) || !/^https?:/i.test(url)) return `${origin}/`;
  return Object.assign(new URL(url), { username: "", password: "" }).href; // no Request takes one with them
}

const hostOf = (host: string | undefined) =>
  host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : "localhost";

function headersOf({ fields }: RequestHead): Headers {
  const headers = new Headers();
  for (let index = 0; index < fields.length; index += 2) headers.append(fields[index]!, fields[index + 1]!);
  return headers;
}

function make(url: string, headers: Headers, { head: { method }, body, onLeave }: RequestParts): Request {
  const aborter = new AbortController();
  onLeave(() => aborter.abort());
  const stream = /^(?:get|head)$/i.test(method) ? undefined : body();
  return new Request(url, {
    method,
    headers,
    signal: aborter.signal,
    ...(stream === undefined ? {} : { body: stream, duplex: "half" }),
  } as RequestInit);
}
