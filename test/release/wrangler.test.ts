import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { eventually } from "../support/wait.ts";
import { get, root, run, told, using } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { installPackage } from "./installed.ts";
import { blocksOf, nameOf, readme } from "./markdown.ts";
import { isGone } from "./walk-through.ts";

/** Nothing is asked or told over the network, and logs stay out of the home folder. */
const env = {
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_LOG_PATH: temporaryFolder(),
};

/** Bundles as a deployment does, and gives back the bundle and what was said. */
async function deploy(
  cwd: string,
  bundle: string,
  ...args: string[]
): Promise<{ code: string; output: string }> {
  const outdir = temporaryFolder();
  const { status, output, errors } = await run([
    "wrangler",
    "deploy",
    "--dry-run",
    "--outdir",
    outdir,
    ...args,
  ], {
    cwd,
    env,
  });
  assert.equal(status, 0, `${output}\n${errors}`);
  assert.doesNotMatch(`${output}\n${errors}`, /warning/i);
  return { code: readFileSync(join(outdir, bundle), "utf8"), output };
}

/** Not by assert.doesNotMatch, which would print the whole bundle. */
const isForWorkers = (code: string) => !/\b(?:from|import|require)\s*\(?\s*["']node:/.test(code);

const kibibytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;

describe("wrangler", () => {
  let folder: string;
  before(async () => {
    ({ folder } = await installPackage());
  });

  it("deploys the repository's Worker, with its KV namespace and nothing of Node's", async (context) => {
    const { code, output } = await deploy(root, "workers.js");
    assert.match(output, /env\.POOLS .*KV Namespace/);
    assert.match(output, /env\.ROUNDABOUT_CONFIG/);
    assert.ok(isForWorkers(code), "a module of Node's is in the bundle");
    context.diagnostic(
      `bundle: ${kibibytes(Buffer.byteLength(code))}, gzipped ${kibibytes(gzipSync(code).length)}`,
    );
  });

  it("deploys the README's Worker of three lines with the installed package", async () => {
    for (const name of ["worker.ts", "roundabout.config.ts"]) {
      const block = blocksOf(readme).find((candidate) => nameOf(candidate) === name);
      assert.ok(block !== undefined, `README.md has ${name}`);
      writeFileSync(join(folder, name), block.text);
    }
    const settings = [
      "--name",
      "roundabout",
      "--compatibility-date",
      "2026-11-01",
    ];
    const { code } = await deploy(
      folder,
      "worker.js",
      "worker.ts",
      ...settings,
    );
    assert.ok(
      code.includes("b.example.com"),
      "its configuration is in the bundle",
    );
    assert.ok(isForWorkers(code), "a module of Node's is in the bundle");
  });

  it("serves the repository's Worker on this machine, and leaves no process behind", async () => {
    const state = temporaryFolder();
    const args = [
      "--port",
      "0",
      "--inspector-port",
      "0",
      "--ip",
      "127.0.0.1",
      "--persist-to",
      state,
    ] as const;
    const children = await using(
      ["wrangler", "dev", ...args, "--show-interactive-dev-session=false"],
      { env },
      async (running) => {
        const port = await eventually(30_000, "where it listens", async () => {
          const [, found] = /Ready on http:\/\/127\.0\.0\.1:(\d+)/.exec(told(running)) ?? [];
          return found === undefined ? undefined : Number(found);
        });
        assert.deepEqual(await get(port, "/_roundabout/livez"), [200, "ok\n"]);
        // The example's backends do not exist.
        assert.ok([502, 503, 504].includes((await get(port))[0]));
        return childrenOf(running.pid);
      },
    );
    assert.ok(children.length > 0, "wrangler has started others");
    for (const pid of children) await isGone(pid);
  });
});

/** The processes that a process has started, and those that these have. */
function childrenOf(pid: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
    .trim().split("\n");
  const table = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    table.filter(([, of]) => of === parent).flatMap((
      [child = 0],
    ) => [child, ...below(child)]);
  return below(pid);
}
