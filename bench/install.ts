import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runToEnd } from "./processes.ts";

export const bench = import.meta.dirname;

/** Installs the libraries that are compared with, unless they are there; gives back why it could not. */
export async function installLibraries(): Promise<string | undefined> {
  if (areInstalled()) return undefined;
  try {
    await runToEnd([
      "npm",
      "install",
      "--no-package-lock",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
    ], {
      cwd: bench,
      timeoutMs: 180_000,
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function areInstalled(): boolean {
  const manifest = join(bench, "package.json");
  const { dependencies } = JSON.parse(readFileSync(manifest, "utf8")) as {
    dependencies: Record<string, string>;
  };
  const done = join(bench, "node_modules", ".package-lock.json");
  return existsSync(done) &&
    statSync(done).mtimeMs >= statSync(manifest).mtimeMs &&
    Object.keys(dependencies).every((name) => existsSync(join(bench, "node_modules", name, "package.json")));
}
