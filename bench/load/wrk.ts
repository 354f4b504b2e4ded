import { join } from "node:path";
import { onCore } from "../machine.ts";
import { lastLine, runToEnd } from "../processes.ts";
import { happened, type HttpLoad, type Loaded, type Place } from "./load.ts";

interface Summary {
  readonly requests: number;
  readonly bytes: number;
  readonly durationUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** From here on an answer that is cut off when the time is over counts by its part: there are few, and it was paid for. */
const longAnswer = 1024 * 1024;

/** As many requests as go through: one thread of wrk. */
export async function loadWithWrk(
  load: HttpLoad,
  { port, tls }: Place,
  seconds: number,
): Promise<Loaded> {
  const {
    method,
    path,
    connections,
    bodyBytes = 0,
    headers = {},
    answerBytes,
  } = load;
  const command = [
    "wrk",
    "--threads=1",
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    "--timeout=10s",
    `--script=${join(import.meta.dirname, "wrk.lua")}`,
    `http${tls ? "s" : ""}://127.0.0.1:${port}${path}`,
    "--",
    method,
    String(bodyBytes),
    ...Object.entries(headers).flat(),
  ];
  const { standardOutput } = await runToEnd(onCore("load", command), {
    timeoutMs: (seconds + 20) * 1000,
  });
  const { requests, bytes, durationUs, p50Us, p99Us, failures } = JSON.parse(
    lastLine(standardOutput()),
  ) as Summary;
  return {
    requests: answerBytes >= longAnswer ? bytes / answerBytes : requests,
    seconds: durationUs / 1e6,
    failures: happened(failures),
    p50Us,
    p99Us,
  };
}
