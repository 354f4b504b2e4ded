import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { version } from "../../src/core/version.ts";
import { type CommandLine, get, type Place, portOf, root, run, using } from "../release/command.ts";
import { temporaryFolder } from "../release/folder.ts";
import type { RunningProcess } from "../support/process.ts";

const cli = join(root, "src/cli.ts");
const runtimes: Readonly<Record<string, CommandLine>> = {
  node: ["node", cli],
  bun: ["bun", cli],
  deno: ["deno", "run", "-A", cli],
};

interface Refusal {
  readonly args: readonly string[];
  readonly says: RegExp;
}

/** What ends with status 2 before anything is started. */
const refusals: readonly Refusal[] = [
  { args: [], says: /expected a command/ },
  { args: ["balance"], says: /there is no command "balance"/ },
  { args: ["toString"], says: /there is no command "toString"/ },
  { args: ["serve", "--fast", "http://127.0.0.1:1"], says: /'--fast'/ },
  { args: ["serve", "--port", "http", "http://127.0.0.1:1"], says: /"http" is not a port/ },
  { args: ["serve", "--port", "70000", "http://127.0.0.1:1"], says: /"70000" is not a port/ },
  { args: ["serve", "--port"], says: /'--port <value>' argument missing/ },
  { args: ["serve", "-c", "roundabout.json", "http://127.0.0.1:1"], says: /not from both/ },
  { args: ["serve", "127.0.0.1:8081"], says: /backends\[0\]: expected an http or https URL.*"127\.0\.0\.1:8081"/ },
  { args: ["serve", "--policy", "fastest", "http://127.0.0.1:1"], says: /policy: .*"round-robin".*"fastest"/ },
  { args: ["serve", "--health-path", "up", "http://127.0.0.1:1"], says: /healthCheck\.path: .*"\/".*"up"/ },
  { args: ["backend"], says: /expected one port/ },
  { args: ["backend", "no"], says: /"no" is not a port/ },
  { args: ["demo", "8090"], says: /"?8090"?/ },
];

const stack = /^\s+at \S/m;

for (const [runtime, line] of Object.entries(runtimes)) {
  const command = (...args: string[]): CommandLine => [...line, ...args];
  /** Starts `serve` on a free port, and waits until it listens. */
  const serving = (
    args: readonly string[],
    place: Place,
    work: (running: RunningProcess, port: number) => Promise<void>,
  ) => using(command("serve", "--port", "0", ...args), place, async (running) => work(running, await portOf(running)));

  describe(`the command line on ${runtime}`, { concurrency: 2 }, () => {
    it("tells its version", async () => {
      assert.deepEqual(await run(command("--version")), { status: 0, output: version, errors: "" });
    });

    for (const args of [["--help"], ["help"], ["-h"], ["serve", "--help"], ["serve", "-h"], ["demo", "--help"]]) {
      it(`helps on ${args.join(" ")}`, async () => {
        const { status, output, errors } = await run(command(...args));
        assert.deepEqual({ status, errors }, { status: 0, errors: "" });
        const usage = args.length > 1 ? `usage: roundabout ${args[0]}` : "usage: roundabout COMMAND";
        assert.ok(output.startsWith(usage), output);
      });
    }

    for (const { args, says } of refusals) {
      it(`refuses "${args.join(" ")}" with status 2`, async () => {
        const { status, output, errors } = await run(command(...args), {}, 10_000);
        assert.deepEqual({ status, output }, { status: 2, output: "" }, errors);
        assert.match(errors, says);
        assert.doesNotMatch(errors, stack);
      });
    }

    it("says where it has looked when there is no configuration", async () => {
      const cwd = temporaryFolder();
      const { status, output, errors } = await run(command("serve"), { cwd });
      assert.deepEqual({ status, output }, { status: 2, output: "" });
      assert.match(errors, /roundabout\.config\.ts, roundabout\.jsonc, .* in \S+, and no ROUNDABOUT_CONFIG/);
      assert.equal(errors.trim().split("\n").length, 1, errors);
    });

    for (const args of [["serve", "http://127.0.0.1:1", "--port"], ["backend"]]) {
      it(`says that the port of ${args[0]} is taken, with status 1`, async () => {
        await withServer(() => "", async (port) => {
          const { status, output, errors } = await run(command(...args, String(port)), {}, 10_000);
          assert.deepEqual({ status, output }, { status: 1, output: "" }, errors);
          assert.match(errors, new RegExp(`^roundabout: .*port ${port} .*taken`));
          assert.equal(errors.trim().split("\n").length, 1, errors);
        });
      });
    }

    it("serves on a free port, and says which", async () => {
      await withServer(() => "from the backend", async (backend) => {
        await serving([`http://127.0.0.1:${backend}`], {}, async (running, port) => {
          assert.notEqual(port, 0);
          assert.deepEqual(await get(port, "/x"), [200, "from the backend"]);
          assert.equal(running.lines().filter((text) => text.includes("configured by the command line")).length, 1);
          assert.equal(running.errors(), "");
        });
      });
    });

    it("finds its configuration where it runs, in TypeScript too", async () => {
      const cwd = temporaryFolder();
      writeFileSync(
        join(cwd, "roundabout.config.ts"),
        'const url: string = "http://127.0.0.1:1";\nexport default { pools: { typed: { backends: [url] } } };\n',
      );
      await serving([], { cwd }, async (running) => {
        await running.waitForLine((text) => text.includes("pool typed: http://127.0.0.1:1"), "the pool");
      });
    });

    const pools = { pools: { set: { backends: ["http://127.0.0.1:1"] } } };
    for (const [name, setting] of [["JSON", JSON.stringify(pools)], ["a path", "set/by-variable.json"]] as const) {
      it(`takes ROUNDABOUT_CONFIG as ${name}, and a named file before it`, async () => {
        const cwd = temporaryFolder();
        mkdirSync(join(cwd, "set"));
        writeFileSync(join(cwd, "set/by-variable.json"), JSON.stringify(pools));
        writeFileSync(join(cwd, "named.yaml"), 'pools: { named: { backends: ["http://127.0.0.1:2"] } }\n');
        const env = { ROUNDABOUT_CONFIG: setting };
        for (const [args, pool] of [[[], "pool set: "], [["-c", "named.yaml"], "pool named: "]] as const) {
          await serving(args, { cwd, env }, async (running) => {
            await running.waitForLine((text) => text.includes(pool), pool);
          });
        }
      });
    }

    it("puts its options over a file, and leaves the rest of the file as it is", async () => {
      const paths: string[] = [];
      const answer = (path: string) => {
        paths.push(path);
        return path === "/up" ? undefined : "hello";
      };
      await withServer(answer, async (backend) => {
        const cwd = temporaryFolder();
        const healthCheck = { path: "/health", expectedStatuses: "404" };
        const web = { backends: [`http://127.0.0.1:${backend}`], healthCheck };
        const file = { listen: { port: 1, hostname: "127.0.0.1" }, pools: { web } };
        writeFileSync(join(cwd, "file.json"), JSON.stringify(file));
        const args = ["-c", "file.json", "--policy", "round-robin", "--health-path", "/up"];
        await serving(args, { cwd }, async (running) => {
          assert.match(running.lines()[0] ?? "", /127\.0\.0\.1/);
          const verdict = await running.waitForLine((text) => /backends up|backend DOWN/.test(text), "the first sweep");
          assert.deepEqual(paths, ["/up"]);
          assert.match(verdict, /all backends up/);
        });
      });
    });
  });
}

/** Does `work` while a server answers with what is given for a path, or with 404. */
async function withServer(answer: (path: string) => string | undefined, work: (port: number) => Promise<void>) {
  const server: Server = createServer((request, response) => {
    const body = answer(request.url ?? "");
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body);
  });
  // On every address, as serve listens.
  server.listen(0, "0.0.0.0");
  await new Promise((resume) => server.once("listening", resume));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
