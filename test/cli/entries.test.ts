import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { get, run, told, using } from "../release/command.ts";
import { opcode } from "../support/frames.ts";
import { createRawBackend } from "../support/raw-backend.ts";
import { connectRaw } from "../support/raw-client.ts";
import { accepting, echo, openOn } from "../support/raw-websocket.ts";
import { eventually, within } from "../support/wait.ts";
import type { RunningProcess } from "../support/process.ts";

const pools = { web: { backends: ["http://127.0.0.1:1"] } };
const configured = (config: object) => ({ env: { ROUNDABOUT_CONFIG: JSON.stringify(config) } });
const unreadable = { env: { ROUNDABOUT_CONFIG: "nowhere.json" } };

/** The port on which an entry says it listens, or its runtime. */
const portOf = (running: RunningProcess) =>
  eventually(20_000, "where it listens", async () => {
    const [, port] = /[Ll]istening on:? http:\/\/[^\s:]+:(\d+)/.exec(told(running)) ?? [];
    return port === undefined ? undefined : Number(port);
  });

/** A backend that refuses: tried and failed, or known to be down. */
const answersOfItsOwn = async (port: number) => {
  assert.deepEqual(await get(port, "/_roundabout/livez"), [200, "ok\n"]);
  assert.ok([502, 503].includes((await get(port))[0]));
};

describe("the entries of the runtimes", () => {
  it("Bun serves as it is", async () => {
    const place = configured({ listen: { port: 0, hostname: "127.0.0.1" }, pools });
    await using(["bun", "run", "src/runtimes/bun.ts"], place, async (running) => {
      await answersOfItsOwn(await portOf(running));
      running.kill("SIGTERM");
      await within(3000, () => `the end after SIGTERM\n${told(running)}`, running.exit);
    });
  });

  it("Deno serves as it is, and ends when it is told to, health checks or not", async () => {
    await using(
      ["deno", "serve", "-A", "--port", "0", "src/runtimes/deno.ts"],
      configured({ pools }),
      async (running) => {
        await answersOfItsOwn(await portOf(running));
        running.kill("SIGTERM");
        await within(3000, () => `the end after SIGTERM\n${told(running)}`, running.exit);
      },
    );
  });

  for (
    const [runtime, line] of [
      ["Bun", ["bun", "run", "src/runtimes/bun.ts"]],
      ["Deno", ["deno", "serve", "-A", "--port", "0", "src/runtimes/deno.ts"]],
    ] as const
  ) {
    it(`${runtime} joins WebSockets as it is`, async () => {
      const backend = await createRawBackend("main", accepting(echo));
      const place = configured({
        listen: { port: 0, hostname: "127.0.0.1" },
        pools: { web: { backends: [backend.url] } },
      });
      try {
        await using([...line], place, async (running) => {
          const connection = await connectRaw(await portOf(running));
          const client = await openOn(connection);
          client.say(opcode.text, "hello");
          assert.equal((await client.message()).toString(), "hello");
          connection.leave();
        });
      } finally {
        await backend.close();
      }
    });
  }

  it("Node's is called by a server of one's own", async () => {
    const program = `
      import entry from "./src/runtimes/node.ts";
      const answer = await entry.fetch(new Request("http://balancer.test/_roundabout/livez"));
      process.stderr.write(answer.status + " " + await answer.text());
      process.exit(0);`;
    const { errors } = await run(["node", "--input-type=module", "--eval", program], configured({ pools }));
    assert.equal(errors, "200 ok\n");
  });

  it("a bad configuration is told by its place, and Bun ends with 2", async () => {
    const { status, errors } = await run(["bun", "run", "src/runtimes/bun.ts"], configured({ pools: {} }), 10_000);
    assert.match(errors, /ROUNDABOUT_CONFIG:1:2: pools: expected at least one pool/);
    assert.equal(status, 2);
  });

  for (
    const [runtime, ...line] of [
      ["node", "--input-type=module", "--eval"],
      ["bun", "--eval"],
      ["deno", "eval"],
    ] as const
  ) {
    it(`${runtime}'s reads nothing when it is imported`, async () => {
      const program = `
        const { default: entry } = await import("./src/runtimes/${runtime}.ts");
        console.log(Object.keys(entry).includes("fetch"));`;
      assert.deepEqual(await run([runtime, ...line, program], unreadable), { status: 0, output: "true", errors: "" });
    });
  }
});
