import { type ChildProcess, spawn } from "node:child_process";
import { relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createPorts } from "#runtime";
import { createLoadBalancer } from "../app/app.ts";
import { type ConfigInput, parseConfig } from "../core/config.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { type Command, parseOptions, StartError, UsageError } from "./command.ts";
import { logToStdout } from "./log.ts";
import { run } from "./run.ts";

const backendPorts = [8081, 8082, 8083];

const demoConfig: ConfigInput = {
  listen: { hostname: "127.0.0.1" },
  pools: {
    demo: {
      backends: backendPorts.map((port) => `http://127.0.0.1:${port}`),
      healthCheck: { path: "/health", interval: "2s", unhealthyThreshold: 1, healthyThreshold: 1, jitter: 0 },
    },
  },
};

/** `roundabout demo`: three backends, each a process of its own, and the balancer in front of them. */
export const demo: Command = {
  summary: "run three small backends and a balancer in front of them",
  usage: "",
  async run(args) {
    const { positionals } = parseOptions(args, {});
    if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" is no option`);
    const ports = createPorts();
    const config = parseConfig(demoConfig, ports.traits);
    const backends = backendPorts.map(spawnBackend);
    try {
      await Promise.all(backends.map(({ port, child }) => listening(port, child)));
      logToStdout(config.log);
      const balancer = createLoadBalancer(config, { ...ports, store: createMemoryStore() });
      const onListening = () => process.stdout.write(tour(config.listen[0].port, backends));
      return await run(balancer, { config, origin: "the demo", log: ports.log, onListening });
    } finally {
      for (const { child } of backends) child.kill();
    }
  },
};

interface DemoBackend {
  readonly port: number;
  readonly child: ChildProcess;
}

/** This command line, run by this runtime. */
function ourselves(): [program: string, ...args: string[]] {
  const cli = fileURLToPath(
    new URL("../cli" + import.meta.url.slice(import.meta.url.lastIndexOf(".")), import.meta.url),
  );
  return "Deno" in globalThis ? [process.execPath, "run", "-A", cli] : [process.execPath, cli];
}

function spawnBackend(port: number): DemoBackend {
  const [program, ...args] = ourselves();
  const child = spawn(program, [...args, "backend", String(port), "--ends-with-parent"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  return { port, child };
}

function listening(port: number, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout!.once("data", () => resolve());
    child.once("exit", () => reject(new StartError(`the demo's backend on port ${port} did not start`)));
  });
}

/** A path as one would type it here. */
function fromHere(part: string): string {
  const short = part.startsWith("/") ? relative(process.cwd(), part) : part;
  return short.startsWith("..") ? part : short;
}

function tour(port: number, backends: readonly DemoBackend[]): string {
  const command = ourselves().map(fromHere).join(" ");
  const lines = backends.map(({ port, child }) =>
    `  backend ${port}:  kill ${child.pid}   brings it down;   ${command} backend ${port}   brings it back`
  );
  return `
Three backends and the balancer are running. /health is checked every 2 s, and one check is enough to turn a backend.

  for i in 1 2 3 4; do curl http://127.0.0.1:${port}; done

${lines.join("\n")}

Ctrl-C ends everything.

`;
}
