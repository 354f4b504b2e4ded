import type { Backend } from "./pool.ts";

/** Where a backend listens, taken apart once. */
export interface Address {
  readonly secure: boolean;
  /** Scheme, host and port. */
  readonly origin: string;
  /** As in the Host field: with the port unless it is the scheme's own. */
  readonly host: string;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The base path, without a slash at its end: "" or "/base". */
  readonly basePath: string;
}

const known = new WeakMap<Backend, Address>();

/** The address in a backend's URL; parsed on first use and remembered with the backend. */
export function addressOf(backend: Backend): Address {
  const before = known.get(backend);
  if (before !== undefined) return before;
  const url = new URL(backend.url);
  const secure = url.protocol === "https:";
  const address = {
    secure,
    origin: url.origin,
    host: url.host,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
  };
  known.set(backend, address);
  return address;
}
