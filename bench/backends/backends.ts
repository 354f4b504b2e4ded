import { join } from "node:path";
import { isInstalled, onCore } from "../machine.ts";
import { freePort, listening } from "../ports.ts";
import { lastWords, type Started, startProcess } from "../processes.ts";
import { nginxBackends } from "./nginx.ts";

/** Where the proxies under test send their requests. */
export interface Backends {
  /** Three origins that answer requests. */
  readonly http: readonly string[];
  /** Three origins that send WebSocket messages back. */
  readonly echo: readonly string[];
  /** As many origins as asked for, each with an address of its own; all are answered by the same process. */
  many(count: number): readonly string[];
  /** What answers requests. */
  readonly madeWith: string;
}

const most = 1000;
const addresses = Array.from(
  { length: most },
  (_, index) => `127.1.${Math.floor(index / 250)}.${index % 250 + 1}`,
);

/** Starts the backends on the core of the load. @param folder for their files */
export async function startBackends(folder: string): Promise<Backends> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const manyAt = await freePort();
  const echoPorts = [await freePort(), await freePort(), await freePort()];
  const places = addresses.map((address) => `${address}:${manyAt}`);
  const local = (port: number) => `127.0.0.1:${port}`;
  const own = (
    places: readonly string[],
  ) => ["node", join(import.meta.dirname, "program.ts"), ...places];

  const hasNginx = isInstalled("nginx");
  const http = hasNginx ? nginxBackends(folder, ports, places) : own([...ports.map(local), ...places]);
  await Promise.all([
    started(startProcess(onCore("load", http)), ports),
    started(startProcess(onCore("load", own(echoPorts.map(local)))), echoPorts),
  ]);
  return {
    http: ports.map((port) => `http://${local(port)}`),
    echo: echoPorts.map((port) => `http://${local(port)}`),
    many: (count) => places.slice(0, count).map((place) => `http://${place}`),
    madeWith: hasNginx ? "nginx" : "a small program on Node, as nginx is not installed, and slower than most proxies",
  };
}

async function started(
  process: Started,
  ports: readonly number[],
): Promise<void> {
  for (const port of ports) {
    if (await listening(port, process.isRunning)) continue;
    throw new Error(`the backends did not start: ${lastWords(process.said())}`);
  }
}
