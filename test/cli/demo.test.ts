import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { describe, it } from "node:test";
import { get, run, using } from "../release/command.ts";
import { demoHindrance, isFree, isGone, offersOf } from "../release/walk-through.ts";
import { eventually, within } from "../support/wait.ts";

const skip = await demoHindrance();

/** Does `work` while somebody else has this port. */
async function withTaken(port: number, work: () => Promise<void>): Promise<void> {
  const server: Server = createServer().listen(port, "127.0.0.1");
  await new Promise((resume) => server.once("listening", resume));
  try {
    await work();
  } finally {
    await new Promise((resume) => server.close(resume));
  }
}

const allFree = () =>
  eventually(5000, "the ports of the demo free again", async () => {
    for (const port of [8080, 8081, 8082, 8083]) if (!(await isFree(port))) return undefined;
    return true;
  });

describe("the demo", { skip }, () => {
  for (const port of [8080, 8082]) {
    it(`says that port ${port} is taken, with status 1, and leaves no backend behind`, async () => {
      await withTaken(port, async () => {
        const { status, errors } = await run(["node", "src/cli.ts", "demo"], {}, 15_000);
        assert.equal(status, 1, errors);
        assert.match(errors, new RegExp(`^roundabout: .*port ${port} .*taken`, "m"));
        assert.doesNotMatch(errors, /^\s+at \S/m, "no stack");
        assert.doesNotMatch(errors, /--port|listen\.port/, "the demo has no such option");
      });
      await allFree();
    });
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with all its processes when npm gets ${signal}`, async () => {
      await using(["npm", "run", "demo"], {}, async (demo) => {
        const offers = await offersOf(demo);
        assert.deepEqual(await get(8080), [200, "8081\n"]);
        demo.kill(signal);
        assert.deepEqual(await within(8000, "the end of the demo", demo.exit), { code: 0, signal: null });
        for (const { pid } of offers) await isGone(pid);
      });
      await allFree();
    });
  }

  it("takes its backends with it when it is killed", async () => {
    await using(["node", "src/cli.ts", "demo"], {}, async (demo) => {
      const offers = await offersOf(demo);
      demo.kill("SIGKILL");
      for (const { pid } of offers) await isGone(pid);
    });
    await allFree();
  });
});
