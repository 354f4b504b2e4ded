import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { eventually, within } from "../support/wait.ts";
import { type Ended, root, start } from "./command.ts";
import { temporaryFolder } from "./folder.ts";

/** What `--json` writes, as far as it is looked at here. */
interface Report {
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

interface Result {
  readonly scenario: string;
  readonly peer: string;
  readonly skipped?: string;
  readonly samples: readonly {
    readonly requests: number;
    readonly cpuUs: number | null;
  }[];
}

const scenarios = [
  "S1",
  "S2",
  "S3",
  "S4",
  "S5",
  "FLOORS",
  "S6",
  "WS",
  "TLS",
  "LATENCY",
  "BACKENDS",
  "HOSTS",
  "PATHS",
];
const skip = process.platform !== "linux" &&
  "it reads CPU time from /proc, which is on Linux only";

describe("the bench, quick", { skip }, () => {
  const folder = temporaryFolder();
  // Under a folder of its own, so that what is left of it can be told from what others do.
  const temporary = join(folder, "of-the-bench");
  const table = join(root, "docs", "bench.md");
  const tableBefore = existsSync(table) && readFileSync(table, "utf8");
  let ended: Ended;
  let report: Report;

  before(async () => {
    mkdirSync(temporary);
    ended = await bench(["--quick", "--json", join(folder, "bench.json")], {
      TMPDIR: temporary,
    });
    assert.equal(ended.status, 0, ended.errors);
    report = JSON.parse(
      readFileSync(join(folder, "bench.json"), "utf8"),
    ) as Report;
  });

  it("measures the built balancer on all four runtimes", () => {
    for (const runtime of ["node", "bun", "deno", "workerd"]) {
      const { skipped, samples } = resultOf("S1", runtime);
      assert.equal(skipped, undefined, runtime);
      assert.ok(
        samples.length === 1 && samples[0]!.requests > 0 &&
          samples[0]!.cpuUs! > 0,
        runtime,
      );
    }
  });

  it("measures what else there is, and says why the rest is missing", () => {
    const named = new Set([
      ...Object.keys(report.versions),
      ...Object.keys(report.missing),
    ]);
    for (
      const peer of [
        "nginx",
        "haproxy",
        "caddy",
        "go",
        "go-tuned",
        "reply-from",
        "http-proxy-3",
        "httpxy",
      ]
    ) {
      assert.ok(named.has(peer), peer);
    }
    for (const peer in report.versions) {
      if (peer !== "direct") {
        assert.equal(resultOf("S1", peer).skipped, undefined, peer);
      }
    }
    for (const peer in report.missing) {
      assert.ok(
        ended.output.includes(`not measured: ${report.missing[peer]}`),
        peer,
      );
    }
  });

  it("has a figure or a reason in every scenario", () => {
    assert.deepEqual([
      ...new Set(report.results.map(({ scenario }) => scenario)),
    ], scenarios);
    for (const { scenario, peer, skipped, samples } of report.results) {
      assert.ok(
        samples.length > 0 || (skipped ?? "") !== "",
        `${peer} in ${scenario}`,
      );
    }
  });

  it("prints the report and keeps the one in the docs as it is", () => {
    assert.match(ended.output, /^# Benchmark\n/);
    assert.match(ended.output, /^\| Roundabout on Node \|.*\d/m);
    assert.equal(existsSync(table) && readFileSync(table, "utf8"), tableBefore);
  });

  it("leaves no process and no file behind", () => {
    assert.deepEqual(
      commandLines().filter((line) => line.includes(temporary)),
      [],
    );
    assert.deepEqual(
      readdirSync(temporary).filter((name) => name.startsWith("roundabout")),
      [],
    );
  });

  const resultOf = (scenario: string, peer: string): Result => {
    const found = report.results.find((result) => result.scenario === scenario && result.peer === peer);
    assert.ok(found !== undefined, `${peer} in ${scenario}`);
    return found;
  };
});

describe("the bench", { skip }, () => {
  it("ends everything that it has started when it is told to end", async () => {
    const temporary = temporaryFolder();
    const args = [
      "--only",
      "node,workerd,nginx",
      "--scenarios",
      "S1",
      "--rounds",
      "100",
    ];
    const running = start(["npm", "run", "--silent", "bench", "--", ...args], {
      env: { TMPDIR: temporary },
    });
    try {
      await eventually(
        60_000,
        "the first round",
        async () => /round 1 of 100/.exec(running.errors()) ?? undefined,
      );
      running.kill("SIGTERM");
      await within(20_000, () => running.errors(), running.exit);
      assert.deepEqual(
        commandLines().filter((line) => line.includes(temporary)),
        [],
      );
      assert.deepEqual(
        readdirSync(temporary).filter((name) => name.startsWith("roundabout")),
        [],
      );
    } finally {
      await running.end();
    }
  });

  it("measures a pick of every policy on Node, Bun and Deno", async () => {
    const { output, errors } = await bench(["--picks", "--quick"]);
    for (
      const name of [
        "round-robin",
        "least-connections",
        "p2c",
        "random",
        "peak-ewma",
        "hash",
        "first",
      ]
    ) {
      for (const backends of ["3", "1,000"]) {
        const row = `^\\| ${name} \\| ${backends} \\| (?:un)?equal \\| [\\d,]+(?: \\| \\**[\\d.,]+\\**){3} \\|$`;
        assert.equal(
          output.match(new RegExp(row, "gm"))?.length,
          2,
          `${row}\n${output}\n${errors}`,
        );
      }
    }
    assert.match(
      output,
      /^\| [\d.]+ \| [\d.]+ \| [\d.]+ \|$/m,
      "and how long a million simulated requests take",
    );
  });

  it("refuses a name that it does not know, and says which ones there are", async () => {
    const { status, errors } = await bench(["--only", "apache"]);
    assert.equal(status, 2);
    assert.match(errors, /"apache" is none of node, bun, deno, workerd, nginx/);
  });
});

/** Runs it to its end. It is asked to end where it does not by itself: only then does it end what it has started. */
async function bench(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const running = start(["npm", "run", "--silent", "bench", "--", ...args], {
    env,
  });
  try {
    const { code } = await within(
      240_000,
      () => running.errors(),
      running.exit,
    );
    return {
      status: code,
      output: running.lines().join("\n"),
      errors: running.errors(),
    };
  } catch (error) {
    running.kill("SIGTERM");
    await running.exit;
    throw error;
  } finally {
    await running.end();
  }
}

/** Of all processes of the machine. */
function commandLines(): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap(
    (pid) => {
      try {
        return [
          readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
        ];
      } catch {
        return []; // It has ended.
      }
    },
  );
}
