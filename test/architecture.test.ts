import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../src", import.meta.url));

interface Source {
  /** From src on: "core/pool.ts". */
  readonly name: string;
  readonly layer: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly { readonly from: string; readonly isType: boolean }[];
}

const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((name) => name.split(sep).join("/"))
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map(read);

function read(name: string): Source {
  const code = withoutComments(readFileSync(join(root, name), "utf8"));
  const statements = code.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^;"'`]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*["'`]([^"'`]+)/gm,
  );
  const imports = [...statements].map(([, type, from, later]) => ({
    from: resolve(name, from ?? later ?? ""),
    isType: type !== undefined,
  }));
  const layer = name.includes("/") ? name.slice(0, name.indexOf("/")) : name.replace(".ts", "");
  return { name, layer, code, imports };
}

/** Strings are matched too, so that a "//" in one is no comment. */
function withoutComments(text: string): string {
  return text.replace(
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*[^]*?\*\/|\/\/.*/g,
    (part) => (part.startsWith("/") ? "" : part),
  );
}

function resolve(name: string, from: string): string {
  return from.startsWith(".") ? relative(root, join(root, dirname(name), from)).split(sep).join("/") : from;
}

const isOwn = (from: string) => from.endsWith(".ts") && !from.startsWith("..");
/** The layer of a file, or the package of anything else. */
const layerOf = (from: string) =>
  (isOwn(from) ? sources.find(({ name }) => name === from)?.layer : from.split("/")[0]) ?? from;

const corridors = ["proxy", "checks", "stores", "transports"];
const top = new Set(["runtimes", "cli", "index", "config"]);

/** What a layer may import beside itself: layers and packages. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ["valibot"],
  proxy: ["core", "ipaddr.js"],
  checks: ["core"],
  stores: ["core"],
  sim: ["core", "valibot"],
  transports: ["core", "node:buffer", "node:dns", "node:http2", "node:net", "node:stream", "node:timers", "node:tls"],
  server: ["core", "transports", "node:buffer", "node:http", "node:net", "node:process", "node:tls"],
  app: ["core", ...corridors, "hono"],
};

describe("the layers", () => {
  it("are those that this test knows", () => {
    assert.deepEqual(
      [...new Set(sources.map(({ layer }) => layer))].filter((layer) => !(layer in allowed) && !top.has(layer)),
      [],
    );
    assert.ok(
      sources.length > 40 && sources.some(({ imports }) => imports.length > 5),
      "the sources were found and read",
    );
  });

  for (const [layer, may] of Object.entries(allowed)) {
    it(`${layer} imports ${may.join(", ")} and itself only`, () => {
      const wrong = sources
        .filter((source) => source.layer === layer)
        .flatMap(({ name, imports }) => imports.map(({ from }) => ({ name, from })))
        .filter(({ from }) => layerOf(from) !== layer && !may.includes(layerOf(from)));
      assert.deepEqual(wrong, []);
    });
  }

  it("are not passed by: nobody imports what lies outside of src", () => {
    const wrong = sources.flatMap(({ name, imports }) =>
      imports.filter(({ from }) => from.startsWith("..")).map(({ from }) => ({ name, from }))
    );
    assert.deepEqual(wrong, []);
  });

  it("have no import cycles", () => {
    const graph = new Map(
      sources.map(({ name, imports }) => [
        name,
        imports.filter(({ isType, from }) => !isType && isOwn(from)).map(({ from }) => from),
      ]),
    );
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]) => {
      assert.ok(!path.includes(name), [...path, name].join(" → "));
      if (done.has(name)) return;
      for (const from of graph.get(name) ?? []) visit(from, [...path, name]);
      done.add(name);
    };
    for (const name of graph.keys()) visit(name, []);
  });
});

describe("a platform", () => {
  const mayName = new Set(["runtimes", "server", "transports", "cli"]);

  it("is named in runtimes, server, transports and the command line only", () => {
    const wrong = sources
      .filter(({ layer }) => !mayName.has(layer))
      .flatMap(({ name, code, imports }) => {
        // What is told to people in strings may name them.
        const words = code.replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, '""').match(
          /(?<![.\w])(?:process|globalThis|Bun|Deno|Buffer|caches)\b/g,
        ) ?? [];
        const modules = imports.map(({ from }) => from).filter((from) =>
          /^(?:node|bun|cloudflare|npm|jsr):|^#runtime$/.test(from)
        );
        return [...words, ...modules].map((word) => ({ name, word }));
      });
    assert.deepEqual(wrong, []);
  });
});

describe("on one screen", () => {
  const lines = (code: string) => code.split("\n").filter((line) => line.trim() !== "").length;
  const screens: { what: string; is: (name: string) => boolean }[] = [
    { what: "each policy", is: (name) => name.startsWith("core/policies/") },
    { what: "each store", is: (name) => name.startsWith("stores/") && name !== "stores/pools.ts" },
    { what: "each runtime entry", is: (name) => /^runtimes\/(?:node|bun|deno|workers|open)\.ts$/.test(name) },
  ];
  for (const { what, is } of screens) {
    it(`fits ${what}: at most 60 lines of code`, () => {
      const files = sources.filter(({ name }) => is(name));
      assert.ok(files.length > 0);
      assert.deepEqual(
        files.filter(({ code }) => lines(code) > 60).map(({ name, code }) => `${name} has ${lines(code)}`),
        [],
      );
    });
  }

  it("or two fits each file", () => {
    assert.deepEqual(sources.filter(({ code }) => lines(code) > 250).map(({ name }) => name), []);
  });
});
