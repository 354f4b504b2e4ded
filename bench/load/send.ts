import { join } from "node:path";
import { isInstalled, onCore } from "../machine.ts";
import { lastLine, runToEnd } from "../processes.ts";
import { happened, type Load, type Loaded, type Place } from "./load.ts";
import type { Order, Summary } from "./order.ts";
import { loadWithWrk } from "./wrk.ts";

/** Without it a program of ours does its work, and takes more of the load's core for it. */
export const hasWrk = isInstalled("wrk");

/** Puts a proxy under a load for some seconds.
 * @throws why it does not even begin */
export async function send(
  load: Load,
  place: Place,
  seconds: number,
): Promise<Loaded> {
  if (load.kind === "websocket") {
    return await sendWith("websocket.ts", { load, place, seconds });
  }
  if (load.perSecond !== undefined || !hasWrk) {
    return await sendWith("http.ts", { load, place, seconds });
  }
  return await loadWithWrk(load, place, seconds);
}

async function sendWith(program: string, order: Order): Promise<Loaded> {
  const command = [
    "node",
    join(import.meta.dirname, program),
    JSON.stringify(order),
  ];
  const { standardOutput } = await runToEnd(onCore("load", command), {
    timeoutMs: (order.seconds + 20) * 1000,
  });
  const { requests, elapsedMs, p50Us, p99Us, lateUs, failures, refused } = JSON
    .parse(
      lastLine(standardOutput()),
    ) as Summary;
  if (refused !== undefined) throw new Error(refused);
  return {
    requests,
    seconds: elapsedMs / 1000,
    failures: happened(failures),
    p50Us,
    p99Us,
    ...(lateUs !== undefined && { lateUs }),
  };
}
