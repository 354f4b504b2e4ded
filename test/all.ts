/** Everything that has to hold, in turn: `npm test`. Ends with a line per step; a failed step does not hide the next. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const results = mkdtempSync(join(tmpdir(), "roundabout-results-"));

const unitFolders = ["core", "proxy", "checks", "stores", "transports", "server", "app", "runtimes"].map((folder) =>
  `test/${folder}`
);
const filesIn = (...folders: string[]) =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => `./${folder}/${name}`)
  );
const unitFiles = filesIn(...unitFolders, "test/hostile/fuzz");
const conformance = (runtime: string) => ["node", "--test", `test/conformance/${runtime}.test.ts`];
const hostile = (runtime: string) => ["node", "--test", `test/hostile/${runtime}.test.ts`];

const steps: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["types, lint, format", ["npm", "run", "--silent", "check"]],
  ["unit on node", ["node", "--test", ...unitFiles, ...filesIn("test/sim"), "./test/architecture.test.ts"]],
  ["unit on bun", ["bun", "test", ...unitFiles]],
  ["unit on deno", ["deno", "test", "-A", "--no-check", ...unitFiles]],
  ["conformance on node", conformance("node")],
  ["conformance on bun", conformance("bun")],
  ["conformance on deno", conformance("deno")],
  ["conformance on workerd", conformance("workers")],
  ["hostile peers on node", hostile("node")],
  ["hostile peers on bun", hostile("bun")],
  ["hostile peers on deno", hostile("deno")],
  ["hostile peers on workerd", hostile("workers")],
  ["command line and package", ["node", "--test", "--test-concurrency=1", ...filesIn("test/cli", "test/release")]],
];

/** How the test runners of Node, Bun and Deno end: passed, failed, skipped. */
const endings: readonly RegExp[] = [
  /^ℹ pass (?<passed>\d+)[^]*^ℹ fail (?<failed>\d+)[^]*^ℹ skipped (?<skipped>\d+)/m,
  /^# pass (?<passed>\d+)[^]*^# fail (?<failed>\d+)[^]*^# skipped (?<skipped>\d+)/m,
  /^ *(?<passed>\d+) pass\n(?: *(?<skipped>\d+) skip\n)?(?: *\d+ todo\n)? *(?<failed>\d+) fail/m,
  /\| \d+ passed \((?<passed>\d+) steps\)[^|]*\| (?<failed>\d+) failed(?: \| (?<skipped>\d+) ignored)?/,
];

function run(command: readonly string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command as [string, ...string[]];
    const env = {
      ...process.env,
      CONFORMANCE_RESULTS: results,
      HOSTILE_RESULTS: join(results, "hostile"),
      RELEASE_FOLDER: join(results, "release"),
      NO_COLOR: "1",
      FORCE_COLOR: "0",
    };
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (chunk: string) => {
      output += chunk;
      process.stdout.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.once("error", reject);
    child.once("close", (status) => resolve({ status: status ?? 1, output }));
  });
}

function count(output: string, status: number): string {
  for (const ending of endings) {
    const found = output.match(ending)?.groups;
    if (found !== undefined) {
      return `${found["passed"]} passed, ${found["failed"]} failed, ${found["skipped"] ?? 0} skipped`;
    }
  }
  return status === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed";
}

const lines: string[] = [];
let failed = false;
for (const [name, command] of steps) {
  process.stdout.write(`\n--- ${name}\n`);
  const startedAt = Date.now();
  const { status, output } = await run(command);
  failed ||= status !== 0;
  lines.push(
    `${name}: ${count(output, status)}${status === 0 ? "" : ` (exit status ${status})`}, ${
      Math.round((Date.now() - startedAt) / 1000)
    } s`,
  );
}
process.stdout.write("\n--- conformance, case by runtime\n");
await run(["node", "test/conformance/table.ts"]);
process.stdout.write("\n--- hostile peers, case by runtime\n");
await run(["node", "test/hostile/table.ts"]);
rmSync(results, { recursive: true, force: true });
process.stdout.write(`\n${lines.join("\n")}\n`);
process.exit(failed ? 1 : 0);
