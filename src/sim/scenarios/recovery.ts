import type { ScenarioInput } from "../schema.ts";

const slowStart = { window: "30s" };

export const recovery: ScenarioInput = {
  title: "A backend comes back with cold caches: all at once, or with slow start",
  duration: "120s",
  backends: [{
    name: "b",
    count: 5,
    service: { exponential: "40ms" },
    workers: 10,
    queue: 100,
    warmUp: { time: "20s", factor: 10 },
  }],
  clients: { rate: 750 },
  outages: [{ backends: ["b1"], as: "refuse", from: "20s", to: "50s" }],
  pool: { healthCheck: { interval: "2s", path: "/health" } },
  variants: {
    "round-robin": {},
    "round-robin-slow-start": { pool: { slowStart } },
    "least-connections": { pool: { policy: "least-connections" } },
    "least-connections-slow-start": { pool: { policy: "least-connections", slowStart } },
    "peak-ewma": { pool: { policy: "peak-ewma" } },
    "peak-ewma-slow-start": { pool: { policy: "peak-ewma", slowStart } },
  },
  columns: ["requests", "errors", "errorTime", "p50", "p99", "worstP99", "followedPeak"],
};
