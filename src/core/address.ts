import type { Backend } from "./pool.ts";

/** What can be connected to. */
export interface Place {
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Of a Unix domain socket, in the place of host and port. */
  readonly socketPath?: string;
}

/** Where a backend listens, taken apart once. */
export interface Address extends Place {
  readonly secure: boolean;
  /** Scheme, host and port. */
  readonly origin: string;
  /** As in the Host field: with the port unless it is the scheme's own. */
  readonly host: string;
  /** The base path, without a slash at its end: "" or "/base". */
  readonly basePath: string;
}

const known = new WeakMap<Backend, Address>();

/** The address in a backend's URL; parsed on first use and remembered with the backend. */
export function addressOf(backend: Backend): Address {
  const before = known.get(backend);
  if (before !== undefined) return before;
  const address = backend.url.startsWith("unix:") ? ofSocket(backend.url) : ofUrl(backend.url);
  known.set(backend, address);
  return address;
}

function ofUrl(text: string): Address {
  const url = new URL(text);
  const secure = url.protocol === "https:";
  return {
    secure,
    origin: url.origin,
    host: url.host,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
  };
}

/** `unix:/run/app.sock`, with a base path after a further colon: `unix:/run/app.sock:/base`. */
function ofSocket(text: string): Address {
  const [, socketPath = "", basePath = ""] = text.split(":");
  return {
    secure: false,
    origin: `unix:${socketPath}`,
    host: "localhost",
    hostname: "localhost",
    port: 0,
    basePath: basePath.replace(/\/+$/, ""),
    socketPath,
  };
}

/** IPv4 as such: a socket that listens on both families shows it as `::ffff:192.0.2.1`. */
export function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
