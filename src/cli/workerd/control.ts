import { type ClientRequest, request } from "node:http";
import type { Log } from "../../core/ports.ts";

/** Calls the control door of a Workers entry. */
export interface Control {
  /** Fires `scheduled` at once and on every minute of the wall clock, as Cloudflare's cron does. */
  startCron(): void;
  /** Fires no more and cuts the runs off. */
  stopCron(): void;
  /** Tells the entry that the end is near; resolves when it knows. */
  close(): Promise<void>;
}

const minute = 60_000;
/** A run sweeps for a minute, so one may be at its end, or have begun between two minutes, when the next begins. */
const mostRuns = 2;

export function createControl(port: number, secret: string, log: Log): Control {
  const runs = new Set<ClientRequest>();
  let timer: NodeJS.Timeout | undefined;

  const post = (path: string) =>
    request({
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      headers: { authorization: `Bearer ${secret}` },
      agent: false,
    })
      // Ended by us or with workerd itself, which is told elsewhere.
      .on("error", () => {})
      .on("response", (response) => {
        response.resume();
        if (response.statusCode !== 204) log.error(`the Worker answered ${path} with status ${response.statusCode}`);
      })
      .end();

  const fire = () => {
    if (runs.size === mostRuns) {
      return log.warn("the checks of two minutes are still running: those of this minute are left out");
    }
    const run = post("/scheduled");
    runs.add(run);
    run.once("close", () => runs.delete(run));
  };
  const fireAndWait = () => {
    fire();
    // A little past the minute: a timer may be a millisecond early, and would find the same minute again.
    timer = setTimeout(fireAndWait, minute - (Date.now() % minute) + 5);
  };

  return {
    startCron: fireAndWait,
    stopCron() {
      clearTimeout(timer);
      for (const run of runs) {
        // By RST: workerd takes a FIN for a client that waits for its answer, and runs on.
        run.socket?.resetAndDestroy();
        run.destroy();
      }
    },
    close: () => new Promise((resolve) => void post("/close").setTimeout(1000, resolve).once("close", resolve)),
  };
}
