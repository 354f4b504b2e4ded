import process from "node:process";
import { createEntry } from "./entry.ts";

export { createPorts, listen } from "./ports/bun.ts";

// Bun would serve what its main module exports by default, with a server that changes what passes. Ours does not.
if (import.meta.main) {
  process.argv.splice(2, Number.POSITIVE_INFINITY, "serve");
  await import("../cli.ts");
}

/** Both doors on Bun, for a server of one's own; `bun run` of this file brings one. */
export default createEntry("started");
