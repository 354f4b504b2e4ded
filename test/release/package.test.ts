import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { before, describe, it } from "node:test";
import { version } from "../../src/core/version.ts";
import { type CommandLine, get, portOf, root, run, using } from "./command.ts";
import { type Installed, installPackage } from "./installed.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<
    Record<
      string,
      string | { readonly types: string; readonly default: string }
    >
  >;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
}

const runtimes: Readonly<Record<string, CommandLine>> = {
  node: [process.execPath],
  bun: ["bun"],
  deno: ["deno", "run", "-A"],
};

const probe = `
import { ConfigError, createLoadBalancer } from "roundabout";
import { defineConfig } from "roundabout/config";
import schema from "roundabout/config.schema.json" with { type: "json" };

const web = { backends: [process.env.BACKEND], healthCheck: false };
let runtime; // the ports tell whose they are by what they refuse
try {
  createLoadBalancer({ store: { type: "kv", binding: "POOLS" }, pools: { web } });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  runtime = / on (node|bun|deno)\\b/.exec(error.message)?.[1];
}
const balancer = createLoadBalancer(defineConfig({ pools: { web } }));
const answer = await balancer.fetch(new Request("http://balancer.test/hello?x=1"));
console.log(JSON.stringify({ runtime, title: schema.title, status: answer.status, text: await answer.text() }));
await balancer.close();
`;

const typed = `
import { type Backend, ConfigError, type ConfigInput, createLoadBalancer, type LoadBalancer, type Ports } from "roundabout";
import bun from "roundabout/bun";
import { defineConfig } from "roundabout/config";
import deno from "roundabout/deno";
import node, { createPorts, listen } from "roundabout/node";
import { createWorker } from "roundabout/workers";

const config: ConfigInput = defineConfig({ pools: { web: { backends: ["http://127.0.0.1:8081"] } } });
// @ts-expect-error there is no such key
defineConfig({ pool: {} });
// @ts-expect-error a function, not a number: the types are not any
export const wrong: number = createLoadBalancer(config).fetch;
export const balancer: LoadBalancer = createLoadBalancer(config);
export const backends: readonly Backend[] = balancer.pools.current("web").backends;
export const ports: Partial<Ports> = createPorts();
export default [bun, deno, node, listen, createWorker(config), ConfigError];
`;

describe("the package", () => {
  let installed: Installed;
  let manifest: Manifest;
  let files: readonly string[];
  before(async () => {
    installed = await installPackage();
    manifest = JSON.parse(
      readFileSync(join(installed.home, "package.json"), "utf8"),
    );
    files = readdirSync(installed.home, {
      recursive: true,
      withFileTypes: true,
      encoding: "utf8",
    })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(installed.home, join(entry.parentPath, entry.name)));
  });

  it("holds what was built and what is read, and nothing else", () => {
    const top = [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "config.schema.json",
      "dist",
      "package.json",
    ];
    assert.deepEqual(readdirSync(installed.home).toSorted(), top);
    assert.deepEqual(
      files.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts")),
      [],
    );
  });

  it("holds no file of dist that nobody can reach", () => {
    const reached = reachable(installed.home, manifest);
    assert.deepEqual(
      files.filter((name) => name.startsWith("dist/") && !reached.has(stem(name))),
      [],
    );
  });

  it("speaks of no folder of the machine that packed it", () => {
    const places = [root, homedir(), "file:///"].filter((place) => place.length > 1);
    const telling = files.filter((name) => {
      const text = readFileSync(join(installed.home, name), "utf8");
      return places.some((place) => text.includes(place));
    });
    assert.deepEqual(telling, []);
  });

  it("has the version that it says", async () => {
    assert.equal(version, manifest.version);
    const { output } = await run(
      ["node_modules/.bin/roundabout", "--version"],
      { cwd: installed.folder },
    );
    assert.equal(output, manifest.version);
  });

  it("is clean to publint", async () => {
    const { status, output, errors } = await run([
      "publint",
      "--strict",
      installed.tarball,
    ]);
    assert.equal(status, 0, `${output}\n${errors}`);
  });

  it("is clean to attw", async () => {
    const { status, output, errors } = await run([
      "attw",
      "--profile",
      "esm-only",
      "-f",
      "ascii",
      installed.tarball,
    ]);
    assert.equal(status, 0, `${output}\n${errors}`);
  });

  for (const [name, [command, ...args]] of Object.entries(runtimes)) {
    it(`is imported by ${name}, which brings its own ports`, async () => {
      const server = createServer((request, response) => response.end(`${request.url} here`)).listen(0, "127.0.0.1");
      try {
        await new Promise((resume) => server.once("listening", resume));
        const { port } = server.address() as AddressInfo;
        writeFileSync(join(installed.folder, "probe.mjs"), probe);
        const place = {
          cwd: installed.folder,
          env: { BACKEND: `http://127.0.0.1:${port}` },
        };
        const { status, output, errors } = await run([
          command,
          ...args,
          "probe.mjs",
        ], place);
        assert.equal(status, 0, errors);
        const expected = {
          runtime: name,
          title: "Roundabout",
          status: 200,
          text: "/hello?x=1 here",
        };
        assert.deepEqual(JSON.parse(output), expected);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });

    it(`opens its ${name} entry without reading a configuration`, async () => {
      writeFileSync(
        join(installed.folder, "entry.mjs"),
        `import entry, { createPorts, listen } from "roundabout/${name}";
         console.log(typeof createPorts, typeof listen, Object.keys(entry).includes("fetch"));`,
      );
      const place = {
        cwd: installed.folder,
        env: { ROUNDABOUT_CONFIG: "nowhere.json" },
      };
      const { status, output, errors } = await run([
        command,
        ...args,
        "entry.mjs",
      ], place);
      assert.deepEqual({ status, output }, {
        status: 0,
        output: "function function true",
      }, errors);
    });

    it(`serves from its command on ${name}`, async () => {
      const bin = join(
        "node_modules/roundabout",
        manifest.bin["roundabout"] ?? "",
      );
      // On Node as npm links it, started by its first line.
      const line: CommandLine = name === "node" ? ["node_modules/.bin/roundabout"] : [command, ...args, bin];
      const serve = [
        ...line,
        "serve",
        "http://127.0.0.1:1",
        "--port",
        "0",
      ] as const;
      await using(serve, { cwd: installed.folder }, async (running) => {
        assert.deepEqual(
          await get(await portOf(running), "/_roundabout/livez"),
          [200, "ok\n"],
        );
      });
    });
  }

  for (const resolution of ["nodenext", "bundler"]) {
    it(`has types for moduleResolution ${resolution}, whoever checks the libraries too`, async () => {
      writeFileSync(join(installed.folder, "typed.mts"), typed);
      const module = resolution === "bundler" ? "esnext" : "nodenext";
      const flags = [
        "--ignoreConfig",
        "--noEmit",
        "--strict",
        "--exactOptionalPropertyTypes",
        "--target",
        "es2024",
      ];
      const line = [
        "tsc",
        ...flags,
        "--module",
        module,
        "--moduleResolution",
        resolution,
        "typed.mts",
      ] as const;
      const { status, output } = await run(line, { cwd: installed.folder });
      assert.equal(status, 0, output);
    });
  }
});

const stem = (name: string) => name.replace(/(\.d\.ts|\.js)$/, "");

/** The files, without their endings, that lead from what package.json names through code and types. */
function reachable(
  home: string,
  { exports, imports, bin }: Manifest,
): ReadonlySet<string> {
  const doors = Object.values(exports).map((
    door,
  ) => (typeof door === "string" ? door : door.default));
  const open = [
    ...doors,
    ...Object.values(bin),
    ...Object.values(imports).flatMap(Object.values),
  ]
    .map((path) => relative(home, resolve(home, path)))
    .map(stem);
  const reached = new Set<string>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    for (const ending of [".js", ".d.ts"]) {
      const file = join(home, name + ending);
      if (!existsSync(file)) continue;
      const specifiers = readFileSync(file, "utf8").matchAll(
        /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g,
      );
      for (const [, specifier = ""] of specifiers) {
        open.push(
          relative(home, resolve(dirname(file), specifier)).replace(
            /(\.d)?\.[jt]s$/,
            "",
          ),
        );
      }
    }
  }
  return reached;
}
