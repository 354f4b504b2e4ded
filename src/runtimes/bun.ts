import process from "node:process";
import { ConfigError } from "../core/config.ts";
import { type Opened, openSource, place } from "./entry.ts";
import { readConfigSync } from "./config-file.ts";
import { serveOptions } from "./ports/bun-door.ts";

export { createPorts, listen } from "./ports/bun.ts";

let opened: Opened | undefined;

/** Opened by the first use, which is Bun asking for the port when it serves this module. */
function open(): Opened {
  if (opened === undefined) {
    opened = openOrExit();
    opened.balancer.start();
  }
  return opened;
}

/** Bun would show a stack and end with 1. */
function openOrExit(): Opened {
  try {
    return openSource(readConfigSync(place()));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`roundabout: ${error.message}\n`);
    process.exit(2);
  }
}

/** Both doors on Bun: `bun run` serves what a module exports by default. */
export default {
  get port() {
    return open().config.listen.port;
  },
  get hostname() {
    return open().config.listen.hostname;
  },
  get idleTimeout() {
    return serveOptions(open().balancer.fetch, open().config).idleTimeout;
  },
  get maxRequestBodySize() {
    return serveOptions(open().balancer.fetch, open().config).maxRequestBodySize;
  },
  get fetch() {
    return serveOptions(open().balancer.fetch, open().config).fetch;
  },
  scheduled: () => open().balancer.scheduled(),
};
