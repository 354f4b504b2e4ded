import type { RouteConfig } from "./config.ts";
import type { Fields } from "./ports.ts";

/** What of a request a route may look at. */
export interface Asked {
  readonly method: string;
  /** As in the Host field. */
  readonly host: string;
  /** Without the query, as it is sent on. */
  readonly path: string;
  readonly headers: Fields;
}

/** A route as it is tried: in the order of the configuration, the first that matches wins. */
export interface Route extends RouteConfig {
  readonly order: number;
  /** Beside host and path. */
  readonly tests: readonly Test[];
}

type Test = (asked: Asked) => boolean;

/** Routes by path: the exact ones, and those for a prefix and all below it; "" is every path. */
interface PathIndex {
  readonly exact: Map<string, Route[]>;
  readonly below: Map<string, Route[]>;
}

/**
 * Prepares the routes once, so that a request is compared with those that can match it, however many there are.
 *
 * @returns the first route in the order of the configuration that matches
 */
export function compileRoutes(routes: readonly RouteConfig[]): (asked: Asked) => Route | undefined {
  const hosts = new Map<string, PathIndex>();
  let depth = 0; // slashes in the deepest prefix: a path is looked at no further
  for (const [order, config] of routes.entries()) {
    const { host = "*", path = "*" } = config.match;
    const index = hosts.get(host.toLowerCase()) ?? { exact: new Map(), below: new Map() };
    hosts.set(host.toLowerCase(), index);
    const prefix = path === "*" ? "" : path.endsWith("/*") ? path.slice(0, -2) : undefined;
    depth = Math.max(depth, (prefix ?? "").split("/").length);
    const [lists, at] = prefix === undefined ? [index.exact, path] : [index.below, prefix];
    const list = lists.get(at) ?? [];
    lists.set(at, list);
    list.push({ ...config, order, tests: testsOf(config.match) });
  }

  return (asked) => {
    let best: Route | undefined;
    const consider = (list: readonly Route[] | undefined) => {
      for (const route of list ?? []) {
        if (best !== undefined && route.order > best.order) return;
        if (route.tests.every((test) => test(asked))) best = route;
      }
    };
    for (const pattern of hosts.size === 1 && hosts.has("*") ? ["*"] : hostPatterns(withoutPort(asked.host))) {
      const index = hosts.get(pattern);
      if (index === undefined) continue;
      consider(index.exact.get(asked.path));
      consider(index.below.get(""));
      if (depth > 1) { for (const prefix of prefixesOf(asked.path, depth)) consider(index.below.get(prefix)); }
    }
    return best;
  };
}

function testsOf({ methods, headers }: RouteConfig["match"]): Test[] {
  const tests: Test[] = [];
  if (methods !== undefined) tests.push((asked) => methods.includes(asked.method));
  for (const [name, value] of Object.entries(headers ?? {})) tests.push((asked) => asked.headers.get(name) === value);
  return tests;
}

/** The patterns that a host can match. */
function hostPatterns(host: string): string[] {
  const patterns = ["*", host];
  for (let dot = host.indexOf(".", 1); dot > 0; dot = host.indexOf(".", dot + 1)) patterns.push(`*${host.slice(dot)}`);
  return patterns;
}

/** `/a`, `/a/b` and `/a/b/c` of `/a/b/c`. @param most how many slashes at most */
function prefixesOf(path: string, most: number): string[] {
  const prefixes: string[] = [];
  let slash = path.indexOf("/", 1);
  for (let count = 1; slash > 0 && count < most; count++) {
    prefixes.push(path.slice(0, slash));
    slash = path.indexOf("/", slash + 1);
  }
  if (slash < 0) prefixes.push(path);
  return prefixes;
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, "").toLowerCase();
}

/** `/api` and `/api/x`, but not `/apix`. */
function isAtOrBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

/** Path and query as a route sends them on: its prefix off, another one on. */
export function rewrite(route: Pick<RouteConfig, "stripPrefix" | "addPrefix">, path: string, query: string): string {
  const { stripPrefix, addPrefix } = route;
  const short = stripPrefix !== undefined && isAtOrBelow(path, stripPrefix) ? path.slice(stripPrefix.length) : path;
  const rewritten = (addPrefix ?? "") + (short === "" && addPrefix === undefined ? "/" : short);
  return rewritten + query;
}
