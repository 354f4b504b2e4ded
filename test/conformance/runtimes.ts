import { execFileSync } from "node:child_process";

export type RuntimeName = "node" | "bun" | "deno" | "workers";

interface RuntimeCommands {
  /** What serves; `-c FILE` follows. */
  readonly serve: readonly [string, ...string[]];
  /** What runs a program that has mounted the balancer; its port is told by what it prints. */
  readonly mounted: readonly [string, ...string[]];
  readonly version: readonly [string, ...string[]];
}

const commands: Record<RuntimeName, RuntimeCommands> = {
  node: {
    serve: ["node", "src/cli.ts", "serve"],
    mounted: ["node", "test/conformance/mounted/node.ts"],
    version: ["node", "--version"],
  },
  bun: {
    serve: ["bun", "src/cli.ts", "serve"],
    mounted: ["bun", "test/conformance/mounted/bun.ts"],
    version: ["bun", "--version"],
  },
  deno: {
    serve: ["deno", "run", "-A", "src/cli.ts", "serve"],
    mounted: ["deno", "run", "-A", "test/conformance/mounted/deno.ts"],
    version: ["deno", "--version"],
  },
  workers: {
    serve: ["node", "src/cli/workerd.ts"],
    mounted: ["node", "test/conformance/mounted/workerd.ts"],
    version: ["workerd", "--version"],
  },
};

export const runtimes = Object.keys(commands) as RuntimeName[];

export const commandsOf = (runtime: RuntimeName): RuntimeCommands => commands[runtime];

/** The runtime's own words about its version, on one line. */
export function versionOf(runtime: RuntimeName): string {
  const [command, ...args] = commands[runtime].version;
  return execFileSync(command, args, { encoding: "utf8" }).split("\n")[0] ?? "";
}
