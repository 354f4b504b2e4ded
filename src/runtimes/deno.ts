import process from "node:process";
import { createEntry } from "./entry.ts";
import { isDeploy } from "./ports/deno.ts";
import { denoHandler } from "./ports/deno-handler.ts";

export { createPorts, listen } from "./ports/deno.ts";

declare const Deno: { cron(name: string, schedule: string, handler: () => Promise<void>): Promise<void> };

const entry = createEntry(isDeploy() ? "by-cron" : "started", (balancer) => {
  // `deno serve` stops listening by itself on a signal, and would then wait for the health checks for ever.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void balancer.close());
});

// Deno Deploy finds its crons while the module loads, before anything is served.
if (isDeploy()) void Deno.cron("roundabout health checks", "* * * * *", entry.scheduled);

/** Both doors on Deno: `deno serve` and Deno Deploy take what a module exports by default. */
export default { ...entry, fetch: denoHandler(entry.fetch) };
