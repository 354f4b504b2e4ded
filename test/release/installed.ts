import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./command.ts";
import { temporaryFolder } from "./folder.ts";

/** The package as a stranger has it: packed, and installed where nothing else is. */
export interface Installed {
  /** Where `npm install` ran. */
  readonly folder: string;
  /** What was installed. */
  readonly tarball: string;
  /** The package in it. */
  readonly home: string;
}

/**
 * Packs the package and installs it in an empty folder.
 *
 * Test files that run one after another share it in RELEASE_FOLDER, where that is set; else each has its own.
 */
export async function installPackage(): Promise<Installed> {
  const place = process.env["RELEASE_FOLDER"] ?? temporaryFolder();
  const packed = join(place, "packed");
  const folder = join(place, "installed");
  const done = join(place, "done");
  if (!existsSync(done)) {
    for (const empty of [packed, folder]) mkdirSync(empty, { recursive: true });
    await succeed(["npm", "pack", "--pack-destination", packed], root);
    await succeed([
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      tarballIn(packed),
    ], folder);
    const path = join(folder, "package.json");
    writeFileSync(
      path,
      JSON.stringify({
        type: "module",
        ...JSON.parse(readFileSync(path, "utf8")),
      }),
    );
    writeFileSync(done, "");
  }
  return {
    folder,
    tarball: tarballIn(packed),
    home: join(folder, "node_modules/roundabout"),
  };
}

const tarballIn = (folder: string) =>
  join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "none",
  );

async function succeed(
  line: readonly [string, ...string[]],
  cwd: string,
): Promise<void> {
  const { status, output, errors } = await run(line, { cwd }, 120_000);
  assert.equal(status, 0, `${line.join(" ")}\n${output}\n${errors}`);
}
