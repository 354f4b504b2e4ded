import type { ScenarioInput } from "../schema.ts";

const on = ["connect-failure", "reset", "timeout", "502", "503", "504"];
const retry = { attempts: 3, on };
const unlimited = { percent: 100, minConcurrent: 1_000_000 };

export const retryStorm: ScenarioInput = {
  title: "Three of ten backends fail for 30 s, and the others cannot carry all: retries with a budget and without",
  duration: "90s",
  backends: [{ name: "b", count: 10, service: { lognormal: { median: "90ms", sigma: 0.5 } }, workers: 20, queue: 200 }],
  clients: { rate: 1500 },
  outages: [{ backends: ["b1", "b2", "b3"], as: "503", from: "15s", to: "45s" }],
  // Ejection changes who is asked; what retries do can be seen without it.
  pool: { outlierDetection: false, healthCheck: false, policy: "random", timeouts: { response: "1s" } },
  variants: {
    "no-retries": { pool: { retry: { attempts: 0 } } },
    "without-budget": { pool: { retry: { ...retry, budget: unlimited } } },
    "with-budget": { pool: { retry } },
    "budget-and-ejection": { pool: { retry, outlierDetection: {} } },
    "budget-ejection-panic": { pool: { retry, outlierDetection: {}, panicThreshold: 60 } },
  },
  columns: [
    "errors",
    "errorPercent",
    "errorTime",
    "amplification",
    "worstAmplification",
    "inFlight",
    "p50",
    "p99",
    "ejections",
  ],
};
