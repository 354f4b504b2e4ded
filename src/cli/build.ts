import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

/** Makes `dist` from the sources: Node runs no TypeScript under node_modules. */
const root = new URL("../../", import.meta.url);
rmSync(new URL("dist", root), { recursive: true, force: true });
execFileSync("tsc", ["-p", ".", "--noEmit", "false", "--rootDir", "src", "--outDir", "dist", "--declaration"], {
  cwd: root,
  stdio: "inherit",
});

// dist is a package scope of its own, where `#runtime` leads to what was built instead of to the sources.
const { version, imports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const built = JSON.stringify({ type: "module", version, imports }, null, 2).replaceAll('"./src/', '"./').replaceAll(
  '.ts"',
  '.js"',
);
writeFileSync(new URL("dist/package.json", root), `${built}\n`);
