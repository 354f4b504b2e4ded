import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError } from "../../src/core/config.ts";
import {
  type ConfigPlace,
  type ConfigSource,
  createSource,
  formatProblems,
  readConfig,
  readConfigSync,
} from "../../src/runtimes/config-file.ts";
import { complaints, parse } from "../support/config.ts";

const root = mkdtempSync(join(tmpdir(), "roundabout-config-"));
after(() => rmSync(root, { recursive: true }));

/** Without prototypes: the parsers of JSON and TOML make objects that have none. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

let folders = 0;
/** A directory with these files in it. */
function folder(files: Readonly<Record<string, string>>): string {
  const directory = join(root, String(folders++));
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const small = { pools: { web: { backends: ["http://127.0.0.1:8081"] } } };
const texts: Readonly<Record<string, string>> = {
  "a.json": JSON.stringify(small),
  "a.jsonc": '// a comment\n{ "pools": { "web": { "backends": ["http://127.0.0.1:8081"], }, }, }',
  "a.yaml": "pools:\n  web:\n    backends:\n      - http://127.0.0.1:8081\n",
  "a.yml": "pools: { web: { backends: [http://127.0.0.1:8081] } }",
  "a.toml": '[pools.web]\nbackends = ["http://127.0.0.1:8081"]\n',
  "a.ts": "interface Config { pools: object }\nexport default " + JSON.stringify(small) + " as Config;",
  "a.mts": "export default " + JSON.stringify(small),
  "a.js": "export default " + JSON.stringify(small),
  "a.mjs": "export default " + JSON.stringify(small),
};

/** Both ways must give the same, or complain of the same. */
const ways: Readonly<Record<string, (place: ConfigPlace) => Promise<ConfigSource>>> = {
  readConfig,
  readConfigSync: (place) => Promise.resolve().then(() => readConfigSync(place)),
};

async function complaintsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

for (const [way, read] of Object.entries(ways)) {
  describe(way, () => {
    for (const [file, text] of Object.entries(texts)) {
      it(`reads ${file}`, async () => {
        const source = await read({ file, directory: folder({ [file]: text, "package.json": '{"type":"module"}' }) });
        assert.deepEqual(plain(source.raw), small);
        assert.equal(source.origin, file);
      });
    }

    it("reads JSON from the setting", async () => {
      const source = await read({ setting: ` ${JSON.stringify(small)}`, directory: root });
      assert.deepEqual([plain(source.raw), source.origin], [small, "ROUNDABOUT_CONFIG"]);
    });

    it("reads a file that the setting names, and rather the one of the command line", async () => {
      const directory = folder({ "b.json": '{"b":1}', "c.json": '{"c":1}', "roundabout.json": "{}" });
      assert.deepEqual(plain((await read({ setting: "b.json", directory })).raw), { b: 1 });
      assert.deepEqual(plain((await read({ setting: "b.json", file: "c.json", directory })).raw), { c: 1 });
      assert.deepEqual(plain((await read({ setting: '{"d":1}', file: join(directory, "c.json"), directory })).raw), {
        c: 1,
      });
    });

    it("searches .config.ts, .jsonc, .json, .yaml, .toml", async () => {
      const files: Record<string, string> = {
        "roundabout.toml": "a = 5",
        "roundabout.yaml": "a: 4",
        "roundabout.json": '{"a":3}',
        "roundabout.jsonc": '{"a":2}',
        "roundabout.config.ts": "export default { a: 1 };",
      };
      const names = Object.keys(files);
      for (const [index, newest] of names.entries()) {
        const present = Object.fromEntries(names.slice(0, index + 1).map((name) => [name, files[name] ?? ""]));
        const source = await read({ setting: "", directory: folder(present) });
        assert.deepEqual([source.origin, plain(source.raw)], [newest, { a: 5 - index }]);
      }
    });

    it("takes a byte order mark", async () => {
      const directory = folder({ "a.json": '\uFEFF{"a":1}', "a.yaml": "\uFEFFa: 1", "a.toml": "\uFEFFa = 1" });
      for (const file of ["a.json", "a.yaml", "a.toml"]) {
        assert.deepEqual(plain((await read({ file, directory })).raw), { a: 1 });
      }
      assert.deepEqual(plain((await read({ setting: '\uFEFF{"a":1}', directory })).raw), { a: 1 });
    });

    it("says where it looked, and how to begin", async () => {
      const directory = folder({});
      assert.deepEqual(await complaintsOf(() => read({ directory })), [
        "expected a configuration, found none of roundabout.config.ts, roundabout.jsonc, roundabout.json, roundabout.yaml, " +
        `roundabout.toml in ${directory}, and no ROUNDABOUT_CONFIG; ` +
        'the shortest roundabout.json is {"pools":{"web":{"backends":["http://127.0.0.1:8081"]}}}',
      ]);
    });

    const endings = ".ts, .mts, .js, .mjs, .json, .jsonc, .yaml, .yml, .toml";
    const bad: readonly { file: string; text?: string; lines: readonly (string | RegExp)[] }[] = [
      { file: "none.json", lines: ["none.json: expected a file, found no such file"] },
      { file: "none.ts", lines: [/^none\.ts: expected a module that can be loaded, found /] },
      { file: "a.conf", text: "", lines: [`a.conf: expected a file that ends with ${endings}, found "a.conf"`] },
      { file: "a.json", text: "", lines: ["a.json:1:1: expected a value, found the end of the file"] },
      { file: "a.json", text: '{\n  "a": 1,\n}', lines: ["a.json:3:1: expected a key in double quotes, found }"] },
      {
        file: "a.json",
        text: '// no\n{"a": 1}',
        lines: ["a.json:1:1: expected no comment in JSON (JSONC has them), found // no"],
      },
      { file: "a.json", text: '{"a": 1', lines: ['a.json:1:8: expected a comma or "}", found the end of the file'] },
      { file: "a.json", text: '{"a" 1}', lines: ["a.json:1:6: expected a colon, found 1"] },
      { file: "a.jsonc", text: '{"a": 1 "b": 2}', lines: ['a.jsonc:1:9: expected a comma, found "b"'] },
      {
        file: "a.jsonc",
        text: '{"a": {\n "b": 1,\n "b": 2}}',
        lines: ['a.jsonc:3:2: a: expected each key once, found "b" again'],
      },
      {
        file: "a.json",
        text: "[".repeat(100_000),
        lines: [/^a\.json: expected JSON that can be read, found RangeError/],
      },
      {
        file: "a.yaml",
        text: "a: 1\nb: [1\n",
        lines: [/^a\.yaml:\d:\d: expected YAML, found something else; .*flow/i],
      },
      {
        file: "a.yaml",
        text: "a: 1\na: 2\n",
        lines: ["a.yaml:2:1: expected YAML, found something else; Map keys must be unique"],
      },
      {
        file: "a.yaml",
        text: "a: !secret x\n",
        lines: ["a.yaml:1:4: expected YAML, found something else; Unresolved tag: !secret"],
      },
      {
        file: "a.yaml",
        text: bomb(),
        lines: [/^a\.yaml: expected YAML that can be read, found ReferenceError: Excessive alias count/],
      },
      { file: "a.toml", text: "a = 1\nb = \n", lines: [/^a\.toml:2:\d: expected TOML, found something else; /] },
      { file: "a.toml", text: "a = 1\na = 2\n", lines: [/^a\.toml:2:1: expected TOML, found something else; /] },
      {
        file: "a.ts",
        text: "export const a = 1;",
        lines: ["a.ts: expected a configuration as the default export, found no default export"],
      },
      {
        file: "a.mjs",
        text: 'throw new Error("no\\nway")',
        lines: [/^a\.mjs: expected a module that can be loaded, found (Error: )+no$/],
      },
    ];
    for (const { file, text, lines } of bad) {
      it(`refuses ${file} with ${JSON.stringify(text)?.slice(0, 40)}`, async () => {
        const told = await complaintsOf(() =>
          read({ file, directory: folder(text === undefined ? {} : { [file]: text }) })
        );
        assert.equal(told.length, lines.length, told.join("\n"));
        for (const [index, line] of lines.entries()) {
          if (typeof line === "string") assert.equal(told[index], line);
          else assert.match(told[index] ?? "", line);
        }
      });
    }

    it("refuses a directory and names the setting in a syntax error", async () => {
      const directory = folder({});
      mkdirSync(join(directory, "a.json"));
      assert.deepEqual(await complaintsOf(() => read({ file: "a.json", directory })), [
        "a.json: expected a file, found a directory",
      ]);
      assert.deepEqual(await complaintsOf(() => read({ setting: "{", directory })), [
        'ROUNDABOUT_CONFIG:1:2: expected a comma or "}", found the end of the file',
      ]);
    });

    it("hands __proto__ on as a key, which is then refused", async () => {
      const files = {
        "a.json": '{"__proto__":{"pools":1}}',
        "a.yaml": "__proto__: { pools: 1 }",
        "a.toml": "[__proto__]\npools = 1",
      };
      for (const [file, text] of Object.entries(files)) {
        const { raw } = await read({ file, directory: folder({ [file]: text }) });
        assert.deepEqual(Object.keys(Object(raw)), ["__proto__"]);
        assert.equal(Object(raw).pools, undefined);
        assert.match(complaints(() => parse(raw))[0] ?? "", /^__proto__: expected a known key/);
      }
    });

    it("loads a module with what it is given", async () => {
      const directory = folder({});
      const importModule = (path: string) => ({ default: { path } });
      const source = way === "readConfig"
        ? await readConfig({ file: "a.ts", directory, importModule })
        : readConfigSync({ file: "a.ts", directory, importModule });
      assert.deepEqual(source.raw, { path: join(directory, "a.ts") });
    });
  });
}

function bomb(): string {
  const tens = (word: string) => Array(10).fill(word).join(", ");
  const levels = Array.from({ length: 12 }, (_, level) => `a${level + 1}: &a${level + 1} [${tens(`*a${level}`)}]`);
  return [`a0: &a0 [${tens("x")}]`, ...levels].join("\n");
}

describe("the place of a problem", () => {
  const files: Readonly<Record<string, string>> = {
    "a.jsonc": `// comment
{
  "listen": { "port": -1 },
  "pools": {
    "web": {
      "backends": [
        "http://a",
        { "url": "http://b", "weight": -1 },
      ],
      "helthCheck": {},
    },
    "api": {},
  },
}
`,
    "a.yaml": `# comment
listen: { port: -1 }
pools:
  web:
    backends:
      - http://a
      - url: http://b
        weight: -1
    helthCheck: {}
  api: {}
`,
    "a.toml": `# comment
listen.port = -1
[pools.web]
helthCheck = {}
[[pools.web.backends]]
url = "http://a"
[[pools.web.backends]]
url = "http://b"
weight = -1
[pools.api]
`,
  };
  const places: Readonly<Record<string, readonly string[]>> = {
    "a.jsonc": ["2:1", "3:15", "8:30", "10:7", "12:5"],
    "a.yaml": ["2:1", "2:11", "8:9", "9:5", "10:3"],
    "a.toml": ["", "2:1", "9:1", "4:1", "10:1"],
  };
  const wrong = [
    "routes: expected routes, because there are several pools, found nothing",
    "listen.port: expected a whole number from 0 to 65535, found -1",
    "pools.web.backends[1].weight: expected a number from 0 to 1000, found -1",
    'pools.web.helthCheck: expected a known key, found "helthCheck"; did you mean "healthCheck"?',
    "pools.api.backends: expected a list of backends, found nothing",
  ];

  for (const [file, text] of Object.entries(files)) {
    it(`is told by line and column of ${file}, in its order`, () => {
      const source = readConfigSync({ file, directory: folder({ [file]: text }) });
      const expected = wrong
        .map((line, index) => ({ line, place: places[file]?.[index] ?? "" }))
        .sort((one, other) => Number.parseInt(one.place || "0") - Number.parseInt(other.place || "0"))
        .map(({ line, place }) => `${file}${place && ":"}${place}: ${line}`);
      assert.deepEqual(complaints(() => source.check(() => parse(source.raw))), expected);
    });
  }

  it("is that of the nearest key around it", () => {
    const located = (file: string) => readConfigSync({ file, directory: folder({ [file]: files[file] ?? "" }) }).locate;
    assert.deepEqual(located("a.jsonc")(["pools", "web", "timeouts", "connect"]), { line: 5, column: 5 });
    assert.deepEqual(located("a.yaml")(["pools", "web", "backends", 7, "url"]), { line: 5, column: 5 });
    assert.deepEqual(located("a.toml")(["pools", "web", "backends", 0, "weight"]), { line: 5, column: 1 });
    assert.deepEqual(located("a.toml")(["listen", "hostname"]), { line: 2, column: 1 });
    assert.deepEqual(located("a.toml")(["log"]), undefined);
  });

  it("follows an alias in YAML", () => {
    const text = "pools:\n  a: &a\n    backends: [http://a]\n  b: *a\n";
    const { locate } = readConfigSync({ file: "a.yaml", directory: folder({ "a.yaml": text }) });
    assert.deepEqual(locate(["pools", "b", "backends", 0]), { line: 3, column: 16 });
  });

  it("survives strings and quoted keys in TOML", () => {
    const text =
      'a = """\nport = 1\n[b]\n"""\r\n["x.y".z]\r\n\'k\' = 1\r\n[[r]]\n[r.m]\nh = 1\n[[r]]\n  [r.m]\n  h = 2\n';
    const { locate } = readConfigSync({ file: "a.toml", directory: folder({ "a.toml": text }) });
    assert.deepEqual(locate(["port"]), undefined);
    assert.deepEqual(locate(["x.y", "z", "k"]), { line: 6, column: 1 });
    assert.deepEqual(locate(["r", 0, "m", "h"]), { line: 9, column: 1 });
    assert.deepEqual(locate(["r", 1, "m", "h"]), { line: 12, column: 3 });
  });

  it("is the origin alone where there is no text", () => {
    const source = createSource({ pools: {} }, "the command line");
    const told = complaints(() => source.check(() => parse(source.raw)));
    assert.deepEqual(told, ["the command line: pools: expected at least one pool, found {}"]);
  });

  it("is put into the lines that formatProblems gives", () => {
    const source = readConfigSync({ setting: '{"pools": {}}', directory: root });
    const error = new ConfigError([{ path: ["pools"], expected: "more", found: "less" }]);
    assert.equal(formatProblems(error, source), "ROUNDABOUT_CONFIG:1:2: pools: expected more, found less");
  });

  it("is found in a large file at once", () => {
    const backends = Array.from({ length: 20_000 }, (_, index) => ({ url: `http://b${index}`, weight: -1 }));
    const text = JSON.stringify({ pools: { web: { backends } } }, null, 1);
    const source = readConfigSync({ file: "a.json", directory: folder({ "a.json": text }) });
    assert.equal(complaints(() => source.check(() => parse(source.raw))).length, 20_000);
  });
});
