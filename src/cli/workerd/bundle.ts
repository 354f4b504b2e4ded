import { build, stop } from "esbuild";
import { join } from "node:path";

/** Two modules as workerd takes them: one file each, types gone. */
export interface Bundle {
  readonly balancer: string;
  readonly keyValue: string;
}

const here = import.meta.dirname;

/** The balancer behind its doors, and the worker that stands in for a KV namespace.
 * @param entry the module whose default export is `{ fetch, scheduled }`
 * @throws esbuild's BuildFailure, with every error and its place */
export async function bundle(entry: string): Promise<Bundle> {
  const source = [
    `import entry from ${JSON.stringify(entry)};`,
    `import { controlDoor } from "./control-door.ts";`,
    "export default entry;",
    "export const control = controlDoor(entry);",
  ];
  try {
    const { outputFiles } = await build({
      stdin: { contents: source.join("\n"), resolveDir: here, sourcefile: "balancer.ts" },
      entryPoints: { "key-value": join(here, "key-value.ts") },
      outdir: here,
      write: false,
      bundle: true,
      format: "esm",
      target: "es2024",
      // The conditions and fields that wrangler resolves by, so that what runs here is what is deployed.
      platform: "browser",
      conditions: ["workerd", "worker", "browser"],
      mainFields: ["browser", "module", "main"],
      external: ["cloudflare:*"],
      charset: "utf8",
      logLevel: "silent",
    });
    const text = (name: string) => outputFiles.find((file) => file.path === join(here, name))?.text ?? "";
    return { balancer: text("stdin.js"), keyValue: text("key-value.js") };
  } finally {
    // The compiler is a process of its own that would stay for a next build.
    await stop();
  }
}
