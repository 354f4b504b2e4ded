import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Makes `dist` from the sources: Node runs no TypeScript under node_modules. */
const root = fileURLToPath(new URL("../../", import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync("tsc", ["-p", ".", "--noEmit", "false", "--rootDir", "src", "--outDir", "dist", "--declaration"], {
  cwd: root,
  stdio: "inherit",
});

// The sources find their runtime's ports under `#runtime`, what is built finds its own under another name of package.json.
for (const file of globSync(`${root}dist/**/*.js`)) {
  const code = readFileSync(file, "utf8");
  if (code.includes('"#runtime"')) writeFileSync(file, code.replaceAll('"#runtime"', '"#built-runtime"'));
}
