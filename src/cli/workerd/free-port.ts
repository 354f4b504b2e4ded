import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { WorkerdError } from "./process.ts";

/**
 * Runs `work` with a port that is free, and with another one when somebody was faster.
 *
 * workerd could pick one itself, but the Worker, which tells its backends, would not get to know it.
 */
export async function withFreePort<Result>(
  hostname: string,
  work: (port: number) => Promise<Result>,
): Promise<Result> {
  for (let left = 2;; left--) {
    const port = await freePort(hostname);
    try {
      return await work(port);
    } catch (error) {
      if (left === 0 || !(error instanceof WorkerdError)) throw error;
    }
  }
}

async function freePort(hostname: string): Promise<number> {
  const server = createServer().listen(0, hostname.replace(/^\[|\]$/g, ""));
  await once(server, "listening").catch((cause: Error) => {
    throw new WorkerdError(cause.message, { cause });
  });
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
