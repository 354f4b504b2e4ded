import process from "node:process";
import { type LogRecord, type TextFormatter } from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../core/config.ts";
import { configureLog, jsonLines } from "../runtimes/logging.ts";

/** Logs to standard output: pretty for people at a terminal, JSON lines for everything else. */
export function logToStdout(config: Config["log"]): void {
  // Whoever reads the log may go away: requests are served all the same.
  process.stdout.on("error", () => {});
  const format = config.format ?? (process.stdout.isTTY ? "pretty" : "json");
  configureLog(config, format === "json" ? jsonLines : prettyLines(), (line) => process.stdout.write(line));
}

/** One line each, the properties behind the message unless messages say them. */
function prettyLines(): TextFormatter {
  const pretty = getPrettyFormatter({
    timestamp: "time",
    icons: false,
    align: false,
    wordWrap: false,
    colors: (process.env["NO_COLOR"] ?? "") === "",
  });
  return (record) => pretty({ ...record, message: [`${record.message.join("")}${rest(record)}`] });
}

/** Those that a message says itself. */
const said: ReadonlySet<string> = new Set(["method", "path", "status", "url", "reason"]);

function rest({ properties }: LogRecord): string {
  const more = Object.entries(properties).filter(([name]) => !said.has(name));
  return more.map(([name, value]) => ` ${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("");
}
