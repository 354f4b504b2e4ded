import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { ConfigError } from "../core/config.ts";

/** A command of the command line. */
export interface Command {
  readonly summary: string;
  /** What follows the command's name, and its options with their meanings. */
  readonly usage: string;
  /** Gives back the exit status. */
  run(args: string[]): Promise<number>;
}

/** Arguments that no command understands. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that could not be started, said for people. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Says on standard error what went wrong, where it is something expected; gives back the exit status.
 * @throws what nobody expects */
export function tellFailure(error: unknown, usage: string): number {
  if (error instanceof UsageError) return say(2, `${error.message}\n\n${usage}`);
  if (error instanceof ConfigError) return say(2, error.message);
  if (error instanceof StartError) return say(1, error.message);
  throw error;
}

function say(status: number, text: string): number {
  process.stderr.write(`roundabout: ${text}\n`);
  return status;
}

/** Arguments by the names in `options`; an unknown one is an error, not a guess.
 * @throws {UsageError} */
export function parseOptions<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: string[],
  options: Options,
) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** A port as written on the command line.
 * @throws {UsageError} */
export function portFrom(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new UsageError(`"${text}" is not a port: expected a number from 0 to 65535`);
  }
  return port;
}
