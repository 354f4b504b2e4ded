/** What takes long or fills the machine, in turn: `npm run test:long`. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const steps: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["large uploads and stalled peers", ["node", "--test", "test/conformance/long.test.ts"]],
  ["silences on all runtimes", ["node", "--test", "test/conformance/silence.test.ts"]],
  ["the simulator on bun", ["bun", "test", "test/sim"]],
  ["the simulator on deno", ["deno", "test", "-A", "--no-check", "test/sim"]],
  ["what a runtime cannot do, still", ["node", "--test", "test/conformance/gaps.test.ts"]],
];

const lines: string[] = [];
let failed = false;
for (const [name, [program, ...args]] of steps) {
  process.stdout.write(`\n--- ${name}\n`);
  const startedAt = Date.now();
  const { status } = spawnSync(program!, args, { cwd: root, stdio: "inherit" });
  failed ||= status !== 0;
  lines.push(`${name}: ${status === 0 ? "passed" : "FAILED"}, ${Math.round((Date.now() - startedAt) / 1000)} s`);
}
process.stdout.write(`\n${lines.join("\n")}\n`);
process.exit(failed ? 1 : 0);
