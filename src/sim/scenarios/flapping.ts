import type { ScenarioInput } from "../schema.ts";

export const flapping: ScenarioInput = {
  title: "A backend that fails three of ten checks, and one that is down for 4 s in every 30 s: thresholds",
  duration: "30m",
  backends: [{ name: "b", count: 5, service: "20ms" }],
  clients: { rate: 50 },
  outages: [
    { backends: ["b1"], as: "503", from: "0s", percent: 30 },
    { backends: ["b2"], as: "refuse", from: "10s", to: "14s", every: "30s" },
  ],
  pool: { outlierDetection: false, healthCheck: { path: "/health", interval: "5s" } },
  follow: ["b1", "b2"],
  variants: {
    "fall-1-rise-1": {
      pool: { healthCheck: { path: "/health", interval: "5s", unhealthyThreshold: 1, healthyThreshold: 1 } },
    },
    "fall-3-rise-2": {},
    "fall-3-rise-2-and-ejection": { pool: { outlierDetection: {} } },
  },
  columns: ["requests", "transitions", "ejections", "errors", "errorPercent", "amplification", "followedShare"],
};
