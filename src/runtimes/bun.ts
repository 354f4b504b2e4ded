import process from "node:process";
import { type Config, ConfigError } from "../core/config.ts";
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
    const source = readConfigSync(place());
    const opened = openSource(source);
    source.check(() => refuseFurtherListeners(opened.config));
    return opened;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`roundabout: ${error.message}\n`);
    process.exit(2);
  }
}

/** @throws {ConfigError} for what a module cannot tell Bun to listen on */
function refuseFurtherListeners({ listen: [{ tls, redirect }, ...more] }: Config): void {
  if (tls === undefined && redirect === undefined && more.length === 0) return;
  const expected = "one listener without tls, where Bun itself serves this module";
  throw new ConfigError([{ path: ["listen"], expected, found: "more", hint: "`roundabout serve` opens them all" }]);
}

/** Both doors on Bun: `bun run` serves what a module exports by default. */
export default {
  get port() {
    return open().config.listen[0].port;
  },
  get hostname() {
    return open().config.listen[0].hostname;
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
  get websocket() {
    return serveOptions(open().balancer.fetch, open().config).websocket;
  },
  scheduled: () => open().balancer.scheduled(),
};
