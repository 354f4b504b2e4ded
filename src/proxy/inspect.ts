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
  /** Where it asks for another protocol that may pass. */
  readonly upgrade: "websocket" | undefined;
}

// A name, an IPv4 address or an IPv6 address in brackets, and a port: nothing that a URL would read otherwise (RFC 9110 §7.2).
const hostForm = /^(?:([A-Za-z0-9._~-]+)|\[[0-9A-Fa-f:.]+\])(?::(\d{0,5}))?$/;

/** What a URL parser may not leave as it is: punycode, and what begins as a number, of which it makes addresses (WHATWG URL §3.5). */
const rewritten = /xn--|(?:^|\.)\d[\da-z]*\.?$/i;
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * Takes a request apart, or says why it goes no further.
 *
 * @param raw the same request as the server read it, where that is known
 * @param headBytes longest head, where the server in front holds none; target and fields count
 * @throws {ProxyError} `malformed_request`, `method_not_allowed`, `not_supported`, `proxy_loop_detected`, `target_too_long`, `head_too_large`,
 * `upgrade_required`
 */
export function inspect(request: Request, raw: RawRequest | undefined, headBytes: number | undefined): Inspected {
  const { method } = request;
  const headers = raw?.headers ?? request.headers;
  if (method === "TRACE" || method === "TRACK") throw new ProxyError("method_not_allowed");
  if (method === "CONNECT") throw new ProxyError("not_supported", { detail: "CONNECT is for forward proxies." });
  const asked = split(raw?.target ?? request.url);
  const host = hostOf(headers.get("host"), asked.authority, raw !== undefined);
  // Where a server has decoded a target, its characters are no bytes.
  const target = resolve(raw === undefined ? asked.target.replace(beyondAscii, escaped) : asked.target);
  if (headBytes !== undefined) checkSize(method + (raw?.target ?? request.url), target, headers, headBytes);
  const upgrade = upgradeOf(method, headers);
  if (wasHere(headers.get("via"))) throw new ProxyError("proxy_loop_detected");
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  return { method, host, path, query: target.slice(path.length), headers, upgrade };
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/** The request target in two. */
function split(url: string): { readonly authority: string | undefined; readonly target: string } {
  if (url.startsWith("/")) return { authority: undefined, target: url };
  const [start, authority] = absoluteForm.exec(url) ?? [];
  if (start === undefined) throw new ProxyError("malformed_request", { detail: "The target is no path." });
  const rest = url.slice(start.length);
  return { authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

/**
 * As in Host, unless the target itself was in absolute form and names another: then that (RFC 9112 §3.2.2).
 *
 * @param isTarget whether the authority is the target's; else it is that of a URL which somebody has put together
 */
function hostOf(field: string | null, authority: string | undefined, isTarget: boolean): string {
  const host = checkHost(field ?? authority ?? "");
  if (authority === undefined || authority === host) return host;
  return withoutDefault(checkHost(authority)) === withoutDefault(host) || !isTarget ? host : authority;
}

const withoutDefault = (host: string) => host.toLowerCase().replace(/:(?:80|443)?$/, "");

function checkHost(host: string): string {
  const [form, name, port = ""] = (host.length > 255 ? null : hostForm.exec(host)) ?? [];
  if (form === undefined || Number(port) > 65_535 || !isReadAsWritten(host, name)) {
    throw new ProxyError("malformed_request", { detail: "Host is not a host and port." });
  }
  return host;
}

/** Whether a URL parser, which the backend may have, finds this very host. */
function isReadAsWritten(host: string, name: string | undefined): boolean {
  if (name !== undefined && (ipv4.test(name) || !rewritten.test(name))) return true;
  const url = `http://${host}`;
  return URL.canParse(url) && (name === undefined || new URL(url).hostname === name.toLowerCase());
}

const beyondAscii = /[\u0080-\uffff]+/g;
const escaped = (text: string) => encodeURI(text.toWellFormed());
const escapedByte = (byte: string) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;

const unresolved = /\\|\/(?:\.|%2e){1,2}(?=[/?#]|$)/i;

/** Path and query. Dot segments are resolved, because routes decide on what is sent and a backend would resolve them after that. */
function resolve(given: string): string {
  const fragmentAt = given.indexOf("#");
  const target = fragmentAt < 0 ? given : given.slice(0, fragmentAt);
  if (/[\0-\x20\x7f]/.test(target)) throw new ProxyError("malformed_request", { detail: "The target is no path." });
  if (!unresolved.test(target)) return target;
  const { pathname, search } = new URL(`http://host${target.replace(/[\x80-\xff]/g, escapedByte)}`);
  return pathname + search;
}

function checkSize(start: string, target: string, headers: Fields, headBytes: number): void {
  if (target.length > headBytes) {
    throw new ProxyError("target_too_long", { detail: `At most ${headBytes} bytes are accepted.` });
  }
  let size = start.length;
  headers.forEach((value, name) => (size += name.length + value.length + 4));
  if (size > headBytes) throw new ProxyError("head_too_large", { detail: `At most ${headBytes} bytes are accepted.` });
}

/** The protocol that a request asks for beside HTTP/1.1. */
function upgradeOf(method: string, headers: Fields): "websocket" | undefined {
  if (/^application\/grpc\s*(?:[+;]|$)/i.test(headers.get("content-type") ?? "")) {
    throw new ProxyError("not_supported", { detail: "gRPC is not forwarded." });
  }
  const upgrade = headers.get("upgrade");
  if (upgrade === null || !/(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "")) return undefined;
  if (!/^\s*websocket\s*$/i.test(upgrade)) {
    throw new ProxyError("not_supported", { detail: "Connections are upgraded to websocket only." });
  }
  checkHandshake(method, headers);
  return "websocket";
}

/** @see RFC 6455 §4.2.1 for what a server has to find in a handshake */
function checkHandshake(method: string, headers: Fields): void {
  const malformed = (detail: string) => new ProxyError("malformed_request", { detail });
  const hasBody = headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
  // What followed it would be taken for frames by one and for a body by another.
  if (method !== "GET" || hasBody) throw malformed("A WebSocket begins with a GET without a body.");
  const version = headers.get("sec-websocket-version");
  if (version === null) throw malformed("Sec-WebSocket-Version is missing.");
  if (version !== "13") throw new ProxyError("upgrade_required", { detail: "Sec-WebSocket-Version is not 13." });
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "")) {
    throw malformed("Sec-WebSocket-Key is not 16 bytes in base64.");
  }
}
