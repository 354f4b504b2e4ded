import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "../machine.ts";
import { runToEnd } from "../processes.ts";

/** What a program says about its version.
 * @throws that it is not installed */
export async function versionOf(
  command: readonly [string, ...string[]],
): Promise<string> {
  if (!isInstalled(command[0])) {
    throw new Error(`${command[0]} is not installed`);
  }
  return (await runToEnd(command, { timeoutMs: 20_000 })).said().trim();
}

/** The first number in it with dots or dashes. */
export const versionIn = (text: string) => text.match(/\d+(?:[.-]\d+)+/)?.[0] ?? text;

/** The version of the package in a folder. */
export function packageVersion(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    version: string;
  }).version;
}

/** The folder of a package that is installed in one of the folders.
 * @throws that it is not */
export function packageFolder(
  name: string,
  folders: readonly string[],
): string {
  const found = folders.map((folder) => join(folder, "node_modules", name))
    .find(existsSync);
  if (found === undefined) {
    throw new Error(`the package ${name} is not installed`);
  }
  return found;
}
