import process from "node:process";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../core/config.ts";
import { configureLog, jsonLines } from "../runtimes/logging.ts";

/** Logs to standard output: pretty for people at a terminal, JSON lines for everything else. */
export function logToStdout(config: Config["log"]): void {
  const format = config.format ?? (process.stdout.isTTY ? "pretty" : "json");
  const formatter = format === "json"
    ? jsonLines
    : getPrettyFormatter({ properties: true, timestamp: "time", categoryWidth: 0, icons: false });
  configureLog(config, formatter, (line) => process.stdout.write(line));
}
