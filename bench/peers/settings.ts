import type { Plan } from "./peer.ts";

/** A plan in the environment of a program that is written for the bench. */
export function settings({ port, backends, tls }: Plan): NodeJS.ProcessEnv {
  return {
    BENCH_PORT: String(port),
    BENCH_BACKENDS: backends.join(","),
    BENCH_CERT: tls?.cert ?? "",
    BENCH_KEY: tls?.key ?? "",
  };
}
