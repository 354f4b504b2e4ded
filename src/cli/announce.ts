import type { Config } from "../core/config.ts";
import { startLog } from "../runtimes/logging.ts";

/** Says what is listened on, which pools there are, and where the configuration came from. */
export function announce({ listen: { hostname }, pools }: Config, port: number, origin: string): void {
  startLog.info(`listening on http://${bracketed(hostname)}:${port}, configured by ${origin}`);
  for (const [name, { backends }] of Object.entries(pools)) {
    startLog.info(`pool ${name}: ${backends.map((backend) => backend.url).join(", ")}`);
  }
}

/** A host as it stands before a port: IPv6 in brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}
