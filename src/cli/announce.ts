import type { Config } from "../core/config.ts";
import { startLog } from "../runtimes/logging.ts";

/** Says what is listened on, which pools there are, and where the configuration came from. */
export function announce({ listen, pools }: Config, ports: readonly number[], origin: string): void {
  for (const [index, { hostname, tls, redirect }] of listen.entries()) {
    const place = `${tls === undefined ? "http" : "https"}://${bracketed(hostname)}:${ports[index]}`;
    const what = redirect === undefined ? `listening on ${place}` : `sending ${place} to ${redirect}`;
    startLog.info(`${what}, configured by ${origin}`);
  }
  for (const [name, { backends }] of Object.entries(pools)) {
    startLog.info(`pool ${name}: ${backends.map((backend) => backend.url).join(", ")}`);
  }
}

/** A host as it stands before a port: IPv6 in brackets. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}
