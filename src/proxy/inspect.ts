import { ProxyError } from "../core/errors.ts";
import { wasHere } from "./headers.ts";

/** A request that may be forwarded, taken apart. */
export interface Inspected {
  readonly method: string;
  /** As received, or the URL's where no Host came. */
  readonly host: string;
  readonly path: string;
  /** With its "?", or "". */
  readonly query: string;
  readonly headers: Headers;
}

// A name, an IPv4 address or an IPv6 address in brackets, and a port: nothing that a URL would read otherwise (RFC 9110 §7.2).
const hostForm = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Takes a request apart, or says why it goes no further.
 *
 * @param headBytes longest head, where the server in front holds none; target and fields count
 * @throws {ProxyError} `malformed_request`, `method_not_allowed`, `not_supported`, `proxy_loop_detected`, `target_too_long`, `head_too_large`
 */
export function inspect(request: Request, headBytes: number | undefined): Inspected {
  const { method, headers, url } = request;
  if (method === "TRACE") throw new ProxyError("method_not_allowed");
  if (method === "CONNECT") throw new ProxyError("not_supported", { detail: "CONNECT is for forward proxies." });
  const host = hostOf(headers.get("host"), url);
  const target = targetOf(url);
  if (headBytes !== undefined) checkSize(target, headers, headBytes);
  refuseOtherProtocols(headers);
  if (wasHere(headers.get("via"))) throw new ProxyError("proxy_loop_detected");
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  return { method, host, path, query: target.slice(path.length), headers };
}

function hostOf(field: string | null, url: string): string {
  const host = field === null || field === "" ? new URL(url).host : field;
  if (host.length > 255 || !hostForm.test(host)) {
    throw new ProxyError("malformed_request", { detail: "Host is not a host and port." });
  }
  return host;
}

const unresolved = /\\|\/(?:\.|%2e){1,2}(?=[/?#]|$)/i;

/** Path and query. Dot segments are resolved, because routes decide on what is sent and a backend would resolve them after that. */
function targetOf(url: string): string {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  if (pathAt < 0) return "/";
  const fragmentAt = url.indexOf("#", pathAt);
  const target = url.slice(pathAt, fragmentAt < 0 ? undefined : fragmentAt);
  if (!unresolved.test(target)) return target;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function checkSize(target: string, headers: Headers, headBytes: number): void {
  if (target.length > headBytes) {
    throw new ProxyError("target_too_long", { detail: `At most ${headBytes} bytes are accepted.` });
  }
  let size = target.length;
  for (const [name, value] of headers) size += name.length + value.length + 4;
  if (size > headBytes) throw new ProxyError("head_too_large", { detail: `At most ${headBytes} bytes are accepted.` });
}

function refuseOtherProtocols(headers: Headers): void {
  const upgrade = headers.get("upgrade");
  if (upgrade !== null && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "")) {
    throw new ProxyError("not_supported", { detail: "Connections are not upgraded." });
  }
  if (/^application\/grpc(?:[+;]|$)/i.test(headers.get("content-type") ?? "")) {
    throw new ProxyError("not_supported", { detail: "gRPC needs trailers, which do not pass." });
  }
}
