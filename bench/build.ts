import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, runToEnd } from "./processes.ts";

/** Builds the product, unless `dist` is newer than everything it is made of; gives back whether it was built.
 * @throws what the compiler says */
export async function buildProduct(): Promise<boolean> {
  const built = join(root, "dist", "cli.js");
  const sources = readdirSync(join(root, "src"), {
    recursive: true,
    encoding: "utf8",
  }).map((name) => join(root, "src", name));
  const newest = Math.max(
    ...[...sources, join(root, "package.json"), join(root, "tsconfig.json")]
      .map((file) => statSync(file).mtimeMs),
  );
  if (existsSync(built) && statSync(built).mtimeMs > newest) return false;
  try {
    await runToEnd(["npm", "run", "--silent", "build"]);
    return true;
  } catch (error) {
    // Half a build is newer than the sources too.
    rmSync(join(root, "dist"), { recursive: true, force: true });
    throw error;
  }
}
