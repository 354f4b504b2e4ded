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
  readonly matches: (asked: Asked) => boolean;
}

type Test = (asked: Asked) => boolean;

/** Prepares the routes once, so that a request only runs the tests that a route really has. */
export function compileRoutes(routes: readonly RouteConfig[]): (asked: Asked) => Route | undefined {
  const compiled = routes.map((route): Route => {
    const tests = testsOf(route.match);
    return { ...route, matches: (asked) => tests.every((test) => test(asked)) };
  });
  return (asked) => compiled.find((route) => route.matches(asked));
}

function testsOf({ host, path, methods, headers }: RouteConfig["match"]): Test[] {
  const tests: Test[] = [];
  if (methods !== undefined) tests.push((asked) => methods.includes(asked.method));
  if (path !== undefined && path !== "*" && path !== "/*") tests.push(pathTest(path));
  if (host !== undefined && host !== "*") tests.push(hostTest(host.toLowerCase()));
  for (const [name, value] of Object.entries(headers ?? {})) tests.push((asked) => asked.headers.get(name) === value);
  return tests;
}

function pathTest(pattern: string): Test {
  if (!pattern.endsWith("/*")) return ({ path }) => path === pattern;
  const prefix = pattern.slice(0, -2);
  return ({ path }) => isAtOrBelow(path, prefix);
}

function hostTest(pattern: string): Test {
  if (!pattern.startsWith("*.")) return ({ host }) => withoutPort(host) === pattern;
  const suffix = pattern.slice(1);
  return ({ host }) => withoutPort(host).endsWith(suffix) && withoutPort(host).length > suffix.length;
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
