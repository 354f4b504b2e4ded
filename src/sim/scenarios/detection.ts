import type { ScenarioInput } from "../schema.ts";

const check = (more: object) => ({ healthCheck: { path: "/health", ...more }, outlierDetection: false });
const ids = Array.from({ length: 8 }, (_, index) => `b${index + 1}`);

/** One after the other, each at another second of cron's minute. */
const outages = ids.map((id, index) => {
  const from = 600_000 * (index + 1) + 7_300 * index;
  return { backends: [id], as: "hang" as const, from, to: from + 300_000 };
});

export const detection: ScenarioInput = {
  title: "A backend of eight hangs: how long until it is routed around, on Workers by cron or by requests, and on Node",
  runtime: "workers",
  duration: "95m",
  isolates: 10,
  backends: [{ name: "b", count: 8, service: "20ms" }],
  clients: { rate: 10 },
  outages,
  pool: { timeouts: { response: "2s" }, retry: { on: ["connect-failure", "reset", "timeout", "502", "503", "504"] } },
  variants: {
    "by-requests": {},
    "cron-once-a-minute-fall-3": { pool: check({ interval: "60s" }) },
    "cron-once-a-minute-fall-1": { pool: check({ interval: "60s", unhealthyThreshold: 1 }) },
    "cron-every-10s-fall-3": { pool: check({ interval: "10s" }) },
    "node-every-10s-fall-3": { runtime: "node", pool: check({ interval: "10s" }) },
    "cron-and-requests": { pool: { ...check({ interval: "10s" }), outlierDetection: {} } },
  },
  columns: ["judgedFirst", "judgedLast", "aroundFirst", "aroundMedian", "aroundLast", "failedTries", "errors"],
};
