import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "../../src/core/config.ts";
import { readConfig } from "../../src/runtimes/config-file.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { get, portOf, root, run, using } from "./command.ts";
import { temporaryFolder } from "./folder.ts";
import { type Installed, installPackage } from "./installed.ts";
import { between, type Block, blocksOf, inlineCode, nameOf, readme, steady, stepsOf } from "./markdown.ts";
import { demoHindrance, play } from "./walk-through.ts";

const blocks = blocksOf(readme);
const walkThrough = blocksOf(between(readme, "walk-through"));
const hindrance = await demoHindrance();
const { scripts } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
) as { scripts: Record<string, string> };
const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as {
  tasks: Record<string, string>;
};

const configurations = blocks.filter(({ language }) => ["json", "jsonc", "yaml", "toml"].includes(language));
const programs = blocks.filter(({ language }) => language === "ts");
const consoles = blocks.filter(({ language }) => language === "console");

const firstCommand = (block: Block) => stepsOf(block)[0]?.command ?? "";
const isWalk = (block: Block) => walkThrough.some(({ text }) => text === block.text);
const consoleWith = (command: string): Block => {
  const found = consoles.find((block) => stepsOf(block).some((step) => step.command.startsWith(command)));
  assert.ok(
    found !== undefined,
    `README.md has no console block with ${command}`,
  );
  return found;
};

/** The programs that are run here, or bundled by wrangler.test.ts. */
const programPlayers = new Set([
  "worker.ts",
  "roundabout.config.ts",
  "app.ts",
  "pools.ts",
]);

/** How the console blocks begin that are played here. */
const consolePlayers = [
  "npm install",
  "npx roundabout serve http",
  "npm start",
  "cat wrong.jsonc",
];

describe("the README", () => {
  let installed: Installed;
  let backends: Map<number, Server>;
  before(async () => {
    installed = await installPackage();
    for (const block of programs) {
      writeFileSync(
        join(installed.folder, nameOf(block) ?? "nameless.ts"),
        block.text,
      );
    }
    backends = new Map(await Promise.all([8081, 8082, 8083].map(standIn)));
  });
  after(() => {
    for (const server of backends.values()) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** Text with the README's ports replaced by those that are really listened on, and the way back. */
  const portsIn = (port: number) => {
    const real = [...backends].map(([name, server]) => [name, (server.address() as AddressInfo).port] as const);
    const pairs: readonly (readonly [number, number])[] = [
      [8080, port],
      ...real,
    ];
    const swap = (text: string, from: 0 | 1, to: 0 | 1) =>
      pairs.reduce(
        (all, pair) => all.replace(new RegExp(`\\b${pair[from]}\\b`, "g"), String(pair[to])),
        text,
      );
    return {
      real: (text: string) => swap(text, 0, 1),
      shown: (text: string) => swap(text, 1, 0),
    };
  };

  it("has no block that is not exercised", () => {
    assert.equal(
      readme.match(/^\s*(```|~~~)/gm)?.length,
      blocks.length * 2,
      "fences that are not found",
    );
    const isPlayed = (block: Block) => consolePlayers.some((start) => firstCommand(block).startsWith(start));
    const played = new Set([
      ...configurations,
      ...programs.filter((block) => programPlayers.has(nameOf(block) ?? "")),
      ...consoles.filter((block) => isWalk(block) || isPlayed(block)),
    ]);
    const rest = blocks.filter((block) => !played.has(block));
    assert.deepEqual(
      rest.map(({ language, line, text }) => ({ language, line, text })),
      [],
    );
    assert.ok(
      walkThrough.length > 2 && configurations.length > 1 &&
        programs.length > 3,
    );
  });

  it("names files, scripts and places that exist", () => {
    const shown = consoles.flatMap((block) => stepsOf(block).map(({ command }) => command));
    const code = [...inlineCode(readme), ...shown].join("\n");
    const all = (pattern: RegExp, text = code) => [...text.matchAll(pattern)].map(([, name = ""]) => name);

    const files = all(
      /(?<![\w:./-])((?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.(?:ts|js|json|toml|md))\b/g,
    );
    const links = all(/\]\((?!https?:)([^)#]+)\)/g, readme);
    const own = new Set(programs.map(nameOf));
    assert.deepEqual(
      [...files, ...links].filter((name) => !own.has(name) && !existsSync(join(root, name))),
      [],
    );

    const npmScripts = all(/\bnpm (?:run )?(?!install\b)([\w:]+)/g);
    assert.deepEqual(npmScripts.filter((name) => !(name in scripts)), []);
    assert.deepEqual(
      all(/\bdeno task (\w+)/g).filter((name) => !(name in tasks)),
      [],
    );
    assert.ok(
      files.length > 3 && links.length > 0 && npmScripts.length > 4,
      "what is named was found",
    );
  });

  it(
    "leads its walk-through to what it says",
    { skip: hindrance },
    async () => {
      await play(walkThrough.flatMap(stepsOf), ["npm", "run", "demo"]);
    },
  );

  for (const { language, text, line } of configurations) {
    it(`has a configuration that holds, in line ${line}`, async () => {
      const directory = temporaryFolder();
      const file = `roundabout.${language}`;
      writeFileSync(join(directory, file), text);
      const source = await readConfig({ file, directory });
      const config = source.check(() =>
        loadConfig(
          source.raw,
          traits.node,
          (name) => (name === "AFFINITY_SECRET" ? "a secret of some length" : undefined),
        )
      );
      assert.ok(Object.keys(config.pools).length > 0);
      const { $schema } = source.raw as { readonly $schema?: string };
      if ($schema !== undefined) {
        assert.ok(existsSync(join(installed.folder, $schema)), $schema);
      }
    });
  }

  it("has a configuration for Workers that holds", async () => {
    const source = await readConfig({
      file: "roundabout.config.ts",
      directory: installed.folder,
    });
    const config = source.check(() => loadConfig(source.raw, traits.workers, () => undefined));
    assert.deepEqual(config.store, { type: "kv", binding: "POOLS" });
  });

  it("has programs whose types hold", async () => {
    const flags = [
      "--ignoreConfig",
      "--noEmit",
      "--skipLibCheck",
      "--strict",
      "--allowImportingTsExtensions",
    ];
    const names = programs.map((block) => nameOf(block) ?? "nameless.ts");
    const line = [
      "tsc",
      ...flags,
      "--target",
      "es2024",
      "--module",
      "nodenext",
      ...names,
    ] as const;
    const { status, output } = await run(line, { cwd: installed.folder });
    assert.equal(status, 0, output);
  });

  for (
    const [runtime, ...args] of [["node"], ["bun"], [
      "deno",
      "run",
      "-A",
    ]] as const
  ) {
    it(`has an app that works on ${runtime}`, async () => {
      const call = `
        import app from "./app-here.ts";
        const ask = async (path, headers) => {
          const answer = await app.fetch(new Request("http://app.test" + path, { headers }));
          return [answer.status, await answer.text()];
        };
        console.log(JSON.stringify([await ask("/api/x"), await ask("/api/x", { authorization: "me" }), await ask("/")]));
        process.exit(0);`;
      const app = readFileSync(join(installed.folder, "app.ts"), "utf8");
      writeFileSync(
        join(installed.folder, "app-here.ts"),
        portsIn(0).real(app),
      );
      writeFileSync(join(installed.folder, "call.mjs"), call);
      const { status, output, errors } = await run([
        runtime,
        ...args,
        "call.mjs",
      ], { cwd: installed.folder });
      assert.equal(status, 0, errors);
      assert.deepEqual(JSON.parse(output), [[401, "who are you?\n"], [
        200,
        "8081\n",
      ], [200, "8082\n"]]);
    });

    it(`has a program with a pool that runs and ends on ${runtime}`, async () => {
      const { status, output, errors } = await run(
        [runtime, ...args, "pools.ts"],
        { cwd: installed.folder },
        10_000,
      );
      assert.deepEqual({ status, output }, { status: 0, output: "" }, errors);
    });
  }

  it("starts a balancer with backends on the command line", async () => {
    for (
      const { command } of stepsOf(consoleWith("npx roundabout serve http"))
    ) {
      await using(["bash", "-c", `exec ${command} --port 0`], {
        cwd: installed.folder,
      }, async (running) => {
        assert.equal(
          (await get(await portOf(running), "/_roundabout/livez"))[0],
          200,
        );
        const urls = command.match(/http:\S+/g)?.join(", ");
        await running.waitForLine(
          (line) => line.includes(`pool default: ${urls}`),
          "the pool",
        );
      });
    }
  });

  const shown = stepsOf(consoleWith("npm start"))[0];
  const starts = inlineCode(readme).filter((code) => code.includes("-c roundabout.jsonc"));
  for (const command of new Set([shown?.command ?? "", ...starts])) {
    it(`starts a balancer by ${command}`, async () => {
      const file = join(temporaryFolder(), "roundabout.jsonc");
      const block = configurations.find(({ language }) => language === "jsonc");
      writeFileSync(file, portsIn(0).real(block?.text ?? ""));
      await using(
        ["bash", "-c", `exec ${command.replace("roundabout.jsonc", file)}`],
        {},
        async (running) => {
          const port = await portOf(running);
          await running.waitForLine(
            (line) => line.includes("all backends up"),
            "the first sweep",
          );
          const answer = await (await fetch(`http://localhost:${port}/`))
            .text();
          // Workers begin with any backend.
          const first = command.includes("workers") && answer === "8081\n" ? "8081" : "8082";
          assert.equal(answer, `${first}\n`);
          await running.waitForLine(
            (line) => line.includes("GET / 200"),
            "the request's line",
          );
          const lines = running.lines().filter((line) => line.startsWith("{"))
            .join("\n");
          const seen = portsIn(port).shown(
            lines.replaceAll(file, "roundabout.jsonc"),
          );
          const expected = shown?.output.replace('"127.0.0.1:8082"', `"127.0.0.1:${first}"`) ??
            "";
          assert.equal(steady(seen), steady(expected));
          assert.equal(
            withoutNpm(running.errors()).replace(/^Task .*\n/gm, ""),
            "",
          );
        },
      );
    });
  }
  it("names a command for each runtime", () => assert.equal(starts.length, 5));

  it("shows what is wrong with a configuration", async () => {
    for (const { command, output } of stepsOf(consoleWith("cat wrong.jsonc"))) {
      const [, file] = /^cat (\S+)$/.exec(command) ?? [];
      if (file !== undefined) {
        writeFileSync(join(installed.folder, file), output);
      } else {
        const seen = await run(["bash", "-c", `(${command}) 2>&1`], {
          cwd: installed.folder,
        });
        assert.equal(steady(withoutNpm(seen.output)), steady(output));
      }
    }
  });
});

/** Without what npm says about the machine's own settings. */
const withoutNpm = (text: string) => text.replace(/^npm (warn|notice) .*\n/gm, "");

/** A backend that calls itself by the port that it has in the README. */
async function standIn(name: number): Promise<[number, Server]> {
  const server = createServer((request, response) => response.end(request.url === "/health" ? "ok\n" : `${name}\n`));
  server.listen(0, "127.0.0.1");
  await new Promise((resume) => server.once("listening", resume));
  return [name, server];
}
