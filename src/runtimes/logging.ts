import { configureSync, getJsonLinesFormatter, getLogger, type TextFormatter } from "@logtape/logtape";
import type { Config } from "../core/config.ts";
import type { Log } from "../core/ports.ts";

/** One JSON object a line, with the properties beside the message. */
export const jsonLines: TextFormatter = getJsonLinesFormatter({ properties: "flatten" });

/** Turns the logs on: what is logged goes through `format` to `write`, a line at a time. */
export function configureLog({ level }: Config["log"], format: TextFormatter, write: (line: string) => void): void {
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(format(record)) },
    loggers: [
      { category: ["roundabout"], sinks: ["lines"], lowestLevel: level === "warn" ? "warning" : level },
      // What was started is said whatever the level: a port that was picked is known from nowhere else.
      { category: ["roundabout", "start"], sinks: ["lines"], parentSinks: "override", lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
}

/** The logger of what was started. */
export const startLog = getLogger(["roundabout", "start"]) as Log;
