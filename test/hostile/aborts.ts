import assert from "node:assert/strict";
import type { CaseContext } from "../conformance/case.ts";
import { startBalancer } from "../conformance/balancer.ts";
import { chunk } from "../support/http1.ts";
import type { Arrival } from "../support/raw-backend.ts";
import { exchange, type RawClient } from "../support/raw-client.ts";
import { eventually, within } from "../support/wait.ts";
import type { HostileCase } from "./cases.ts";
import { gapOf } from "./gaps.ts";
import { watchFiles } from "./process-tree.ts";

const silence = (): Promise<void> => new Promise(() => {});

const head = (method: string, ...fields: string[]) =>
  [`${method} /abort HTTP/1.1`, "Host: balancer.test", ...fields].join("\r\n");

/** A moment at which a client can leave. */
interface Phase {
  readonly name: string;
  /** What the client has sent by then. */
  readonly sent: string;
  readonly answer?: (arrival: Arrival) => unknown;
  /** Resolves when the moment has come. */
  come?(client: RawClient): Promise<unknown>;
  /** Whether the request has reached the backend by then. */
  readonly arrives: boolean;
  /** Whether the backend's connection can be kept. */
  readonly isOver?: boolean;
}

const phases: readonly Phase[] = [
  { name: "in its head", sent: "POST /abort HTTP/1.1\r\nHost: bal", arrives: false },
  { name: "in its body", sent: `${head("POST", "Content-Length: 1000")}\r\n\r\nbegin`, arrives: true },
  {
    name: "in a chunk of its body",
    sent: `${head("POST", "Transfer-Encoding: chunked")}\r\n\r\nff\r\nbegin`,
    arrives: true,
  },
  { name: "while it waits for the answer's head", sent: `${head("GET")}\r\n\r\n`, arrives: true, answer: silence },
  {
    name: "while it waits for the answer to its body",
    sent: `${head("POST", "Content-Length: 4")}\r\n\r\nbody`,
    arrives: true,
    answer: silence,
  },
  {
    name: "in the answer's silent body",
    sent: `${head("GET")}\r\n\r\n`,
    arrives: true,
    answer(arrival) {
      arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n");
      return silence();
    },
    come: (client) => client.reader.until("begin"),
  },
  {
    name: "in the answer's flowing body",
    sent: `${head("GET")}\r\n\r\n`,
    arrives: true,
    answer(arrival) {
      arrival.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      const flow = setInterval(() => arrival.write(chunk("begin and more ".repeat(100))), 5);
      arrival.socket.once("close", () => clearInterval(flow));
      return silence();
    },
    come: (client) => client.reader.until("begin"),
  },
  {
    name: "right after the answer",
    sent: `${head("GET")}\r\n\r\n`,
    arrives: true,
    isOver: true,
    come: (client) => client.response(),
  },
  {
    name: "right after the answer, with another request begun",
    sent: `${head("GET")}\r\n\r\n`,
    arrives: true,
    isOver: true,
    async come(client) {
      await client.response();
      await client.send("GET /abort HTTP/1.1\r\nHo");
    },
  },
];

const times = 10;

const nameOf = (phase: Phase, how: "FIN" | "RST") =>
  `abort: a client that leaves ${phase.name} with a ${how} leaves nothing behind`;

async function abort(context: CaseContext, phase: Phase, how: "FIN" | "RST"): Promise<string> {
  const backend = await context.backend("main");
  const balancer = await startBalancer(context.runtime, {
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends: [backend.url], healthCheck: false } },
    shutdown: { timeout: "5s" },
  });
  context.onEnd(() => balancer.process.end());
  await exchange(balancer.port, { target: "/warm" });
  const files = watchFiles(balancer.process.pid);
  backend.reset();
  backend.handle((arrival) => phase.answer?.(arrival) ?? arrival.answer(200, [], "main"));

  for (let turn = 0; turn < times; turn += 1) {
    const client = await context.connect(balancer.port);
    await client.send(phase.sent);
    if (phase.arrives) await backend.arrival(turn);
    await phase.come?.(client);
    if (how === "FIN") client.leave();
    else client.reset();
  }
  const arrivals = [...backend.arrivals];
  assert.equal(arrivals.length, phase.arrives ? times : 0, "each request arrived once");

  const gap = gapOf(nameOf(phase, how), context.runtime);
  if (gap !== undefined) {
    for (const { socket } of arrivals) {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
  }
  if (phase.isOver !== true) {
    for (const { closed } of arrivals) await within(5000, "the end of the backend's connection", closed);
  }
  await files.settled(4);
  backend.reset();
  assert.equal((await exchange(balancer.port)).body.toString(), "main");

  const lines = () => balancer.logs().filter(({ path }) => path === "/abort").length;
  await eventually(
    4000,
    `${arrivals.length} requests that have ended`,
    async () => lines() === arrivals.length || undefined,
  );
  assert.deepEqual(await balancer.stop(), { code: 0, signal: null }, "nothing is waited for, so nothing is in flight");
  assert.equal(balancer.process.errors(), "", "nothing is complained of");
  return gap === undefined ? "ended" : "gap: ended late";
}

export const aborts: readonly HostileCase[] = phases.flatMap((phase) =>
  (["FIN", "RST"] as const).map((how): HostileCase => ({
    name: nameOf(phase, how),
    timeoutMs: 40_000,
    run: (context) => abort(context, phase, how),
  }))
);
