import process from "node:process";
import { getLogger } from "@logtape/logtape";

const methods = { DEBUG: "debug", INFO: "info", WARN: "warn", ERROR: "error" } as const;

/** Logs here what the Worker has logged as a line of JSON, so that it is written like our own. Another line is written as it is. */
export function relog(line: string): void {
  const { "@timestamp": _time, level, logger, message, ...properties } = fieldsOf(line);
  const method = methods[level as keyof typeof methods];
  if (method === undefined) return void process.stdout.write(`${line}\n`);
  // A path may hold braces, which would be taken for the name of a property.
  getLogger(String(logger).split("."))[method](String(message).replace(/[{}]/g, "$&$&"), properties);
}

function fieldsOf(line: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(line) };
  } catch {
    return {};
  }
}
