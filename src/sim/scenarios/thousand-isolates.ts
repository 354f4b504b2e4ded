import type { ScenarioInput } from "../schema.ts";

export const thousandIsolates: ScenarioInput = {
  title: "1,000 isolates, 50 backends, one dies: who sees an error, for how long, how much retries add, how even it is",
  runtime: "workers",
  duration: "180s",
  isolates: 1000,
  backends: [{ name: "b", count: 50, service: { exponential: "50ms" }, workers: 32 }],
  clients: { rate: 1000, count: 50_000, postPercent: 10 },
  outages: [{ backends: ["b1"], as: "refuse", from: "30s", to: "150s" }],
  variants: {
    defaults: {},
    "defaults-and-cron": { pool: { healthCheck: { path: "/health", interval: "60s", unhealthyThreshold: 1 } } },
    "no-retries": { pool: { retry: { attempts: 0 } } },
    "least-connections": { pool: { policy: "least-connections" } },
  },
  columns: [
    "errors",
    "clientsHit",
    "errorTime",
    "amplification",
    "failedTries",
    "aroundMedian",
    "p50",
    "p99",
    "busiest",
    "peak",
  ],
};
