import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { parse as parseToml } from "smol-toml";
import { compatibility, workerdConfig } from "../../src/cli/workerd/capnp.ts";
import { controlDoor, secretBinding } from "../../src/cli/workerd/control-door.ts";
import { withFreePort } from "../../src/cli/workerd/free-port.ts";
import { WorkerdError } from "../../src/cli/workerd/process.ts";
import { relog } from "../../src/cli/workerd/relog.ts";
import { parseConfig } from "../../src/core/config.ts";
import { configureLog, jsonLines } from "../../src/runtimes/logging.ts";
import { traits } from "../../src/runtimes/traits.ts";
import { type RunningProcess, runProcess } from "../support/process.ts";
import { createRawBackend, type RawBackend } from "../support/raw-backend.ts";
import { connectRaw, exchange } from "../support/raw-client.ts";
import { eventually, within } from "../support/wait.ts";

const root = resolve(import.meta.dirname, "../..");
const skip = "Bun" in globalThis || "Deno" in globalThis ? "workerd is started by node" : false;
const listening = /listening on http:\/\/127\.0\.0\.1:(\d+)/;
const listen = { port: 0, hostname: "127.0.0.1" };

/** Everything that a test opened is closed when it ends, also when it fails. */
function opened() {
  const directory = mkdtempSync(join(tmpdir(), "workerd-test-"));
  const closing: (() => unknown)[] = [() => rmSync(directory, { recursive: true })];
  return {
    directory,
    async backend(): Promise<RawBackend> {
      const backend = await createRawBackend("main");
      closing.push(() => backend.close());
      return backend;
    },
    /** The temporary files of what is started go to `directory`, so that what is left of them is seen. */
    launch(
      config: { readonly log?: object; readonly [key: string]: unknown },
      environment: NodeJS.ProcessEnv = {},
    ): RunningProcess {
      const file = join(directory, "roundabout.json");
      writeFileSync(file, JSON.stringify({ ...config, log: { level: "debug", ...config.log } }));
      const env = { ...process.env, NO_COLOR: "1", TMPDIR: directory, ...environment };
      const running = runProcess(process.execPath, ["src/cli/workerd.ts", "-c", file], { cwd: root, env });
      closing.push(async () => {
        const pid = workerdOf(running);
        if (pid !== undefined && isRunning(pid)) process.kill(pid, "SIGKILL");
        await running.end();
      });
      return running;
    },
    async connect(port: number) {
      const client = await connectRaw(port);
      closing.push(() => client.leave());
      return client;
    },
    async close() {
      for (const step of closing.reverse()) await step();
    },
  };
}

type Opened = ReturnType<typeof opened>;

/** Runs `work` with what it opens closed afterwards. */
const using = (work: (open: Opened) => Promise<void>) => async () => {
  const open = opened();
  await work(open).finally(open.close);
};

const portOf = async (running: RunningProcess): Promise<number> =>
  Number(listening.exec(await running.waitForLine((line) => listening.test(line), "where it listens"))?.[1]);

/** The process of workerd, which is told before it is told where it listens. */
function workerdOf(running: RunningProcess): number | undefined {
  const pid = running.lines().map((line) => /workerd runs as process (\d+)/.exec(line)?.[1]).find(Boolean);
  return pid === undefined ? undefined : Number(pid);
}

const ended = (running: RunningProcess) => within(8000, () => `the end\n${running.lines().join("\n")}`, running.exit);

/** What is left of a dead process until somebody asks how it died is not counted. */
function isRunning(pid: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}

const unchecked = (backend: RawBackend) => ({ web: { backends: [backend.url], healthCheck: false } });

describe("the Workers entry in workerd", { skip }, () => {
  it(
    "answers from a backend, says once where it listens, in JSON, and leaves no files",
    using(async (open) => {
      const backend = await open.backend();
      const running = open.launch(
        { listen, pools: { web: { backends: ["${BACKEND_URL}"], healthCheck: false } } },
        { BACKEND_URL: backend.url },
      );
      const port = await portOf(running);
      assert.deepEqual(readdirSync(open.directory), ["roundabout.json"]);
      const answer = await exchange(port, { target: "/hello?{x}=1" });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), "main");
      await running.waitForLine((line) => line.includes("/hello"), "the request's line");
      assert.equal(running.lines().filter((line) => listening.test(line)).length, 1);
      for (const line of running.lines()) assert.equal(typeof JSON.parse(line), "object", line);
      assert.equal(running.errors(), "");
    }),
  );

  it(
    "writes the Worker's lines like its own where people read them",
    using(async (open) => {
      const backend = await open.backend();
      const running = open.launch({ listen, pools: unchecked(backend), log: { format: "pretty" } });
      await exchange(await portOf(running), { target: "/seen" });
      const line = await running.waitForLine((text) => text.includes("GET /seen"), "the request's line");
      assert.ok(!line.startsWith("{"), line);
    }),
  );

  it(
    "refuses a configuration that Workers cannot keep, with its place and status 2",
    using(async (open) => {
      const pools = { web: { backends: ["http://127.0.0.1:1"], host: "preserve" }, other: { backends: [] } };
      const running = open.launch({ listen, pools });
      assert.deepEqual(await ended(running), { code: 2, signal: null });
      assert.match(running.errors(), /pools\.web\.host/);
      assert.match(running.errors(), /pools\.other\.backends/);
      assert.deepEqual(running.lines(), []);
    }),
  );

  it(
    "ends with 1 and one message when its port is taken",
    using(async (open) => {
      const backend = await open.backend();
      const running = open.launch({ listen: { ...listen, port: backend.port }, pools: unchecked(backend) });
      assert.deepEqual(await ended(running), { code: 1, signal: null });
      assert.match(running.errors(), new RegExp(`port ${backend.port}.*is taken`));
      assert.equal(running.errors().trim().split("\n").length, 1, running.errors());
      assert.deepEqual(readdirSync(open.directory), ["roundabout.json"]);
    }),
  );

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(
      `ends on ${signal} when a request in flight has its answer`,
      using(async (open) => {
        const backend = await open.backend();
        backend.handle(() => {});
        const running = open.launch({ listen, pools: unchecked(backend) });
        const client = await open.connect(await portOf(running));
        await client.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
        const arrival = await backend.arrival(0);
        running.kill(signal);
        await running.waitForLine((line) => line.includes(signal), "word of the signal");
        await arrival.answer(200, [], "late but whole");
        assert.equal((await client.response()).body.toString(), "late but whole");
        assert.deepEqual(await ended(running), { code: 0, signal: null });
        assert.equal(running.errors(), "");
      }),
    );
  }

  it(
    "cuts what is in flight after shutdown.timeout, with a word and status 1",
    using(async (open) => {
      const backend = await open.backend();
      backend.handle(() => {});
      const running = open.launch({ listen, pools: unchecked(backend), shutdown: { timeout: "200ms" } });
      const client = await open.connect(await portOf(running));
      await client.send("GET /never HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await backend.arrival(0);
      running.kill("SIGTERM");
      assert.deepEqual(await ended(running), { code: 1, signal: null });
      assert.ok(running.lines().some((line) => line.includes("forced to stop")));
    }),
  );

  it(
    "ends at once on a second signal",
    using(async (open) => {
      const backend = await open.backend();
      backend.handle(() => {});
      const config = {
        listen,
        pools: unchecked(backend),
        log: { level: "debug" },
        shutdown: { timeout: "60s", preStopDelay: "60s" },
      };
      const running = open.launch(config);
      const port = await portOf(running);
      const pid = workerdOf(running) as number;
      const client = await open.connect(port);
      await client.send("GET /never HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      await backend.arrival(0);
      running.kill("SIGTERM");
      await running.waitForLine((line) => line.includes("SIGTERM"), "word of the first");
      running.kill("SIGINT");
      assert.deepEqual(await ended(running), { code: 1, signal: null });
      await eventually(2000, "workerd's end", async () => (isRunning(pid) ? undefined : true));
    }),
  );

  it(
    "leaves no workerd behind when it is killed itself",
    using(async (open) => {
      const backend = await open.backend();
      const running = open.launch({ listen, pools: unchecked(backend) });
      await portOf(running);
      const pid = workerdOf(running) as number;
      assert.ok(isRunning(pid));
      running.kill("SIGKILL");
      await eventually(2000, "workerd's end", async () => (isRunning(pid) ? undefined : true));
    }),
  );

  it(
    "ends with 1 when workerd dies",
    using(async (open) => {
      const backend = await open.backend();
      const running = open.launch({ listen, pools: unchecked(backend) });
      await portOf(running);
      process.kill(workerdOf(running) as number, "SIGKILL");
      assert.deepEqual(await ended(running), { code: 1, signal: null });
      assert.ok(running.lines().some((line) => line.includes("workerd ended by itself")));
    }),
  );

  it(
    "checks at the start without a request, keeps the findings in KV, and checks no more once it ends",
    using(async (open) => {
      const backend = await open.backend();
      backend.handle((arrival) => (arrival.target === "/slow" ? undefined : arrival.answer(200)));
      const pools = { web: { backends: [backend.url], healthCheck: { path: "/health", interval: "100ms" } } };
      const config = { listen, pools, store: { type: "kv", binding: "SHELF" } };
      const running = open.launch(config, { ROUNDABOUT_KV_PORT: "0" });
      const port = await portOf(running);
      assert.equal((await backend.arrival(0)).target, "/health");
      const place = /KV namespace is at (\S+?)"/.exec(running.lines().find((line) => line.includes("KV")) ?? "")?.[1];
      const findings = await eventually(5000, "findings in KV", async () => {
        const answer = await fetch(`${place}/roundabout%2Fweb%2Fhealth`);
        return answer.status === 200 ? await answer.text() : void (await answer.body?.cancel());
      });
      assert.match(findings, /healthy/);

      const client = await open.connect(port);
      await client.send("GET /slow HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      const slow = await eventually(
        5000,
        "the slow request",
        async () => backend.arrivals.find(({ target }) => target === "/slow"),
      );
      running.kill("SIGTERM");
      await running.waitForLine((line) => line.includes("SIGTERM"), "word of the signal");
      const before = backend.arrivals.length;
      // Three intervals: that nothing comes shows only with time.
      await new Promise((resume) => setTimeout(resume, 350));
      assert.ok(backend.arrivals.length <= before + 1, `${backend.arrivals.length - before} checks after the signal`);
      await slow.answer(200);
      assert.deepEqual(await ended(running), { code: 0, signal: null });
    }),
  );

  it(
    "keeps values as KV does: by any key, gone when deleted",
    using(async (open) => {
      const backend = await open.backend();
      const config = { listen, pools: unchecked(backend), store: { type: "kv", binding: "POOLS" } };
      const running = open.launch(config, { ROUNDABOUT_KV_PORT: "0" });
      await portOf(running);
      const place = /KV namespace is at (\S+?)"/.exec(running.lines().find((line) => line.includes("KV")) ?? "")?.[1];
      const url = `${place}/${encodeURIComponent("a/b ü%")}?urlencoded=true`;
      const read = async () => [(await fetch(url)).status, await (await fetch(url)).text()];
      assert.deepEqual(await read(), [404, ""]);
      await fetch(url, { method: "PUT", body: "välue" });
      assert.deepEqual(await read(), [200, "välue"]);
      assert.equal((await fetch(`${place}/a/b%20ü%25`)).status, 200, "the same key, written otherwise");
      await fetch(url, { method: "DELETE" });
      assert.deepEqual(await read(), [404, ""]);
      assert.equal((await fetch(url, { method: "POST" })).status, 405);
    }),
  );
});

describe("a free port", () => {
  const taken = new WorkerdError("taken");

  it("is another one when somebody was faster", async () => {
    const tried: number[] = [];
    const port = await withFreePort("127.0.0.1", async (candidate) => {
      if (tried.push(candidate) < 3) throw taken;
      return candidate;
    });
    assert.equal(tried.length, 3);
    assert.equal(port, tried[2]);
    assert.ok(tried.every((candidate) => candidate > 0));
  });

  it("is not tried for ever, nor when something else is wrong", async () => {
    for (const [error, times] of [[taken, 3], [new TypeError("else"), 1]] as const) {
      let tried = 0;
      await assert.rejects(withFreePort("127.0.0.1", async () => (tried++, Promise.reject(error))), error);
      assert.equal(tried, times);
    }
  });

  it("does not exist on an address that is not ours", async () => {
    await assert.rejects(withFreePort("192.0.2.1", async () => {}), WorkerdError);
  });
});

describe("relogging", () => {
  const written: string[] = [];
  const log = { level: "info", format: undefined, access: true, health: "transitions" } as const;

  it("writes a line again as it was, braces and all", () => {
    configureLog(log, jsonLines, (line) => written.push(line));
    const line = {
      "@timestamp": "2026-11-21T00:00:00.000Z",
      level: "WARN",
      message: "GET /a{b}{{c} 200",
      logger: "roundabout",
      b: 1,
    };
    relog(JSON.stringify(line));
    const { "@timestamp": _, ...rest } = line;
    const { "@timestamp": __, ...again } = JSON.parse(written.join(""));
    assert.deepEqual(again, rest);
  });
});

describe("the control door", () => {
  const env = { [secretBinding]: "open sesame" };
  const context = { waitUntil() {} };
  const knock = (path: string, secret: string, entry: Parameters<typeof controlDoor>[0]) =>
    controlDoor(entry).fetch(
      new Request(`http://door${path}`, { method: "POST", headers: { authorization: `Bearer ${secret}` } }),
      env,
      context,
    );

  it("opens to its secret only", async () => {
    let calls = 0;
    const entry = { scheduled: () => void calls++, close: () => void calls++ };
    for (const path of ["/scheduled", "/close"]) assert.equal((await knock(path, "guess", entry)).status, 403);
    assert.equal((await controlDoor(entry).fetch(new Request("http://door/scheduled"), env, context)).status, 403);
    assert.equal(calls, 0);
    assert.equal((await knock("/scheduled", "open sesame", entry)).status, 204);
    assert.equal(calls, 1);
  });

  it("answers when the run is over, with what it left to waitUntil", async () => {
    const steps: string[] = [];
    let finish = () => {};
    const rest = new Promise<void>((settle) => (finish = settle)).then(() => void steps.push("rest"));
    const entry = {
      scheduled: (_: unknown, __: unknown, late: { waitUntil(work: Promise<unknown>): void }) => late.waitUntil(rest),
    };
    const answered = knock("/scheduled", "open sesame", entry).then(() => void steps.push("answered"));
    await Promise.resolve();
    finish();
    await answered;
    assert.deepEqual(steps, ["rest", "answered"]);
  });

  it("closes an entry that can be closed, and lets the other be", async () => {
    let closed = false;
    assert.equal(
      (await knock("/close", "open sesame", { scheduled() {}, close: () => void (closed = true) })).status,
      204,
    );
    assert.ok(closed);
    assert.equal((await knock("/close", "open sesame", { scheduled() {} })).status, 204);
    assert.equal((await knock("/other", "open sesame", { scheduled() {} })).status, 404);
  });
});

interface WranglerSettings {
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly kv_namespaces: readonly [{ readonly binding: string }];
  readonly vars: { readonly ROUNDABOUT_CONFIG: string };
}

describe("the configuration of workerd", () => {
  const plan = { hostname: "127.0.0.1", port: 80, config: "{}", fromEnvironment: [], secret: "s", keyValue: undefined };

  it("puts IPv6 addresses in brackets", () => {
    for (const hostname of ["::1", "[::1]"]) assert.match(workerdConfig({ ...plan, hostname }), /"\[::1\]:80"/);
    assert.match(workerdConfig(plan), /"127\.0\.0\.1:80"/);
  });

  it("tells the Worker its port", () => {
    assert.match(workerdConfig(plan), /name = "ROUNDABOUT_PORT", text = "80"/);
  });

  it("opens no door to KV unless asked", () => {
    const keyValue = { binding: "POOLS", port: undefined };
    assert.ok(!workerdConfig(plan).includes("kvNamespace"));
    assert.ok(workerdConfig({ ...plan, keyValue }).includes("kvNamespace"));
    assert.ok(!workerdConfig({ ...plan, keyValue }).includes('service = "key-value")\n'));
    assert.match(
      workerdConfig({ ...plan, keyValue: { ...keyValue, port: 81 } }),
      /"127\.0\.0\.1:81", http = \(\), service = "key-value"/,
    );
  });

  it("is that of wrangler.toml, whose example is valid", () => {
    const wrangler = parseToml(readFileSync(join(root, "wrangler.toml"), "utf8")) as unknown as WranglerSettings;
    assert.equal(wrangler.compatibility_date, compatibility.date);
    assert.deepEqual(wrangler.compatibility_flags, compatibility.flags);
    const config = parseConfig(JSON.parse(wrangler.vars.ROUNDABOUT_CONFIG), traits.workers);
    assert.deepEqual(config.store, { type: "kv", binding: wrangler.kv_namespaces[0].binding });
  });
});
