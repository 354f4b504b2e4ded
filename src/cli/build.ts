import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

/** Makes `dist` from the sources: Node runs no TypeScript under node_modules. */
const root = new URL("../../", import.meta.url);
rmSync(new URL("dist", root), { recursive: true, force: true });
execFileSync("tsc", ["-p", ".", "--noEmit", "false", "--rootDir", "src", "--outDir", "dist", "--declaration"], {
  cwd: root,
  stdio: "inherit",
});
