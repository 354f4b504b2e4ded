import process from "node:process";
import { type LogRecord, type TextFormatter } from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../core/config.ts";
import { configureLog, jsonLines } from "../runtimes/logging.ts";

/** Logs to standard output: pretty for people at a terminal, JSON lines for everything else. */
export function logToStdout(config: Config["log"]): void {
  const format = config.format ?? (process.stdout.isTTY ? "pretty" : "json");
  configureLog(config, format === "json" ? jsonLines : prettyLines(), (line) => process.stdout.write(line));
}

/** One line each, the properties behind the message unless it says them already. */
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

function rest({ message, properties }: LogRecord): string {
  const said = message.join("");
  const more = Object.entries(properties).filter(([, value]) => !said.includes(String(value)));
  return more.map(([name, value]) => ` ${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("");
}
