import { ProxyError } from "../core/errors.ts";
import type { Fields, RawRequest } from "../core/ports.ts";
import { wasHere } from "./headers.ts";

/** A request that may be forwarded, taken apart. */
export interface Inspected {
  readonly method: string;
  /** As received, or the URL's where no Host came. */
  readonly host: string;
  readonly path: string;
  /** With its "?", or "". */
  readonly query: string;
  readonly headers: Fields;
}

// A name, an IPv4 address or an IPv6 address in brackets, and a port: nothing that a URL would read otherwise (RFC 9110 §7.2).
const hostForm = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Takes a request apart, or says why it goes no further.
 *
 * @param raw the same request as the server read it, where that is known
 * @param headBytes longest head, where the server in front holds none; target and fields count
 * @throws {ProxyError} `malformed_request`, `method_not_allowed`, `not_supported`, `proxy_loop_detected`, `target_too_long`, `head_too_large`
 */
export function inspect(request: Request, raw: RawRequest | undefined, headBytes: number | undefined): Inspected {
  const { method } = request;
  const headers = raw?.headers ?? request.headers;
  if (method === "TRACE") throw new ProxyError("method_not_allowed");
  if (method === "CONNECT") throw new ProxyError("not_supported", { detail: "CONNECT is for forward proxies." });
  const asked = split(raw?.target ?? request.url);
  const field = headers.get("host") || asked.authority || "";
  const host = checkHost(raw !== undefined && asked.authority !== undefined ? asked.authority : field);
  if (host !== field) checkHost(field);
  const target = resolve(asked.target);
  if (headBytes !== undefined) checkSize(target, headers, headBytes);
  refuseOtherProtocols(headers);
  if (wasHere(headers.get("via"))) throw new ProxyError("proxy_loop_detected");
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  return { method, host, path, query: target.slice(path.length), headers };
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/** The request target in two. An authority in it stands over the Host field (RFC 9112 §3.2.2). */
function split(url: string): { readonly authority: string | undefined; readonly target: string } {
  if (url.startsWith("/")) return { authority: undefined, target: url };
  const [start, authority] = absoluteForm.exec(url) ?? [];
  if (start === undefined) throw new ProxyError("malformed_request", { detail: "The target is no path." });
  const rest = url.slice(start.length);
  return { authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

function checkHost(host: string): string {
  if (host.length > 255 || !hostForm.test(host)) {
    throw new ProxyError("malformed_request", { detail: "Host is not a host and port." });
  }
  return host;
}

const unresolved = /\\|\/(?:\.|%2e){1,2}(?=[/?#]|$)/i;

/** Path and query. Dot segments are resolved, because routes decide on what is sent and a backend would resolve them after that. */
function resolve(given: string): string {
  const fragmentAt = given.indexOf("#");
  const target = fragmentAt < 0 ? given : given.slice(0, fragmentAt);
  if (/[\0-\x20\x7f]/.test(target)) throw new ProxyError("malformed_request", { detail: "The target is no path." });
  if (!unresolved.test(target)) return target;
  const { pathname, search } = new URL(`http://host${target}`);
  return pathname + search;
}

function checkSize(target: string, headers: Fields, headBytes: number): void {
  if (target.length > headBytes) {
    throw new ProxyError("target_too_long", { detail: `At most ${headBytes} bytes are accepted.` });
  }
  let size = target.length;
  headers.forEach((value, name) => (size += name.length + value.length + 4));
  if (size > headBytes) throw new ProxyError("head_too_large", { detail: `At most ${headBytes} bytes are accepted.` });
}

function refuseOtherProtocols(headers: Fields): void {
  const upgrade = headers.get("upgrade");
  if (upgrade !== null && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "")) {
    throw new ProxyError("not_supported", { detail: "Connections are not upgraded." });
  }
  if (/^application\/grpc(?:[+;]|$)/i.test(headers.get("content-type") ?? "")) {
    throw new ProxyError("not_supported", { detail: "gRPC needs trailers, which do not pass." });
  }
}
