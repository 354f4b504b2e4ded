/** What the bench tells a program that it runs as a peer. */

const read = (name: string) => process.env[name] ?? "";

export const port = Number(read("BENCH_PORT"));
export const backends: readonly string[] = read("BENCH_BACKENDS").split(",");
/** Names of files; absent: plain http. */
export const tls = read("BENCH_CERT") === "" ? undefined : { cert: read("BENCH_CERT"), key: read("BENCH_KEY") };

let turn = 0;
/** They take turns. */
export const nextBackend = () => backends[turn++ % backends.length] as string;

/** Path and query of an absolute URL. */
export function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("//") + 2);
  return slash === -1 ? "/" : url.slice(slash);
}
