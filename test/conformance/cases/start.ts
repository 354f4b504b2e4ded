import assert from "node:assert/strict";
import { exchange } from "../../support/raw-client.ts";
import type { Exit } from "../../support/process.ts";
import { within } from "../../support/wait.ts";
import { type ConfigObject, launch, temporaryFile } from "../balancer.ts";
import type { CaseContext, ConformanceCase } from "../case.ts";

interface Refusal {
  readonly exit: Exit;
  readonly output: string;
}

/** What the balancer says of a configuration that it must not start with. */
const refusal = async (context: CaseContext, file: string, environment?: NodeJS.ProcessEnv): Promise<Refusal> => {
  const running = launch(context.runtime, file, environment);
  context.onEnd(() => running.end());
  const exit = await within(
    15_000,
    () => `the end of a start that must fail\n${running.lines().join("\n")}`,
    running.exit,
  );
  return { exit, output: `${running.lines().join("\n")}\n${running.errors()}` };
};

const jsonFile = (config: ConfigObject) => temporaryFile("roundabout.json", JSON.stringify(config));
const listen = { port: 0, hostname: "127.0.0.1" };

export const startCases: readonly ConformanceCase[] = [
  {
    name: "start: it says where it listens and what it balances, as the port 0 was filled in",
    async run(context) {
      const backend = await context.backend("main");
      const balancer = await context.start({ listen, pools: { web: { backends: [backend.url], healthCheck: false } } });
      assert.notEqual(balancer.port, 0);
      assert.equal((await exchange(balancer.port)).body.toString(), "main");
      const said = balancer.process.lines().join("\n");
      assert.match(said, /web/);
      assert.match(said, new RegExp(`${backend.port}`));
      assert.match(said, /roundabout\.json/);
    },
  },
  {
    name: "start: a bad configuration ends with 2 and every problem by its path",
    async run(context) {
      const config = {
        listen: { port: 99_999, hostname: "127.0.0.1" },
        pool: {},
        pools: {
          web: { backends: [], policy: "fastest", retry: { attempts: -1 } },
          other: { backends: ["ftp://x", { url: "http://127.0.0.1:1", weight: -1 }] },
        },
        routes: [{ pool: "missing" }],
      };
      const { exit, output } = await refusal(context, jsonFile(config));
      assert.deepEqual(exit, { code: 2, signal: null }, output);
      for (
        const path of [
          "listen.port",
          "pools.web.backends",
          "pools.web.policy",
          "pools.web.retry.attempts",
          "pools.other.backends",
          "weight",
          "missing",
        ]
      ) {
        assert.ok(output.includes(path), `${path} in:\n${output}`);
      }
      assert.match(output, /did you mean|pools/, "an unknown key with a hint");
      assert.doesNotMatch(output, /^\s+at .*\(.*:\d+:\d+\)/m, "no stack");
    },
  },
  {
    name: "start: a file that is no JSON ends with 2 and the place",
    async run(context) {
      const file = temporaryFile("roundabout.json", '{\n  "listen": { "port": 0 },\n  "pools": { "web": oops }\n}\n');
      const { exit, output } = await refusal(context, file);
      assert.deepEqual(exit, { code: 2, signal: null }, output);
      assert.match(output, /roundabout\.json:3:\d+/);
    },
  },
  {
    name: "start: a file that is not there ends with 2 and its name",
    async run(context) {
      const { exit, output } = await refusal(context, "/nowhere/roundabout.json");
      assert.deepEqual(exit, { code: 2, signal: null }, output);
      assert.match(output, /\/nowhere\/roundabout\.json/);
    },
  },
  {
    name: "start: ${NAME} is taken from the environment, and a missing one ends with 2 and its name",
    async run(context) {
      const backend = await context.backend("main");
      const config = { listen, pools: { web: { backends: ["${CONFORMANCE_BACKEND}"], healthCheck: false } } };
      const { exit, output } = await refusal(context, jsonFile(config));
      assert.deepEqual(exit, { code: 2, signal: null }, output);
      assert.match(output, /CONFORMANCE_BACKEND/);
      process.env["CONFORMANCE_BACKEND"] = backend.url;
      context.onEnd(() => delete process.env["CONFORMANCE_BACKEND"]);
      const balancer = await context.start(config);
      assert.equal((await exchange(balancer.port)).body.toString(), "main");
    },
  },
  {
    name: "start: an option that the runtime cannot keep ends with 2 and its path",
    async run(context) {
      const pool = { backends: ["http://127.0.0.1:1"], healthCheck: false };
      const configs: Record<typeof context.runtime, readonly [path: string, config: ConfigObject]> = {
        node: ["store", { listen, pools: { web: pool }, store: { type: "kv", binding: "POOLS" } }],
        bun: ["store", { listen, pools: { web: pool }, store: { type: "kv", binding: "POOLS" } }],
        deno: ["store", { listen, pools: { web: pool }, store: { type: "kv", binding: "POOLS" } }],
        workers: ["pools.web.host", { listen, pools: { web: { ...pool, host: "preserve" } } }],
      };
      const [path, config] = configs[context.runtime];
      const { exit, output } = await refusal(context, jsonFile(config));
      assert.deepEqual(exit, { code: 2, signal: null }, output);
      assert.ok(output.includes(path), output);
    },
  },
  {
    name: "start: a taken port ends with 1 and says so",
    async run(context) {
      const taken = await context.backend();
      const config = {
        listen: { port: taken.port, hostname: "127.0.0.1" },
        pools: { web: { backends: [taken.url], healthCheck: false } },
      };
      const { exit, output } = await refusal(context, jsonFile(config));
      assert.deepEqual(exit, { code: 1, signal: null }, output);
      assert.match(output, new RegExp(`${taken.port}`));
      assert.match(output, /in use|taken/i);
      assert.doesNotMatch(output, /^\s+at .*:\d+:\d+/m, "no stack");
    },
  },
];
