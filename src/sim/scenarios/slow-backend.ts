import type { ScenarioInput } from "../schema.ts";

const policies = ["round-robin", "random", "p2c", "least-connections", "peak-ewma"];

export const slowBackend: ScenarioInput = {
  title: "One of ten backends takes ten times as long: what each policy makes of it",
  duration: "60s",
  backends: [{ name: "b", count: 10, service: { exponential: "20ms" }, workers: 8, queue: 200 }],
  clients: { rate: 1000 },
  slowDowns: [{ backends: ["b1"], factor: 10, from: "0s" }],
  variants: Object.fromEntries(policies.map((policy) => [policy, { pool: { policy } }])),
  columns: ["requests", "errors", "p50", "p95", "p99", "p999", "followedShare", "followedPeak"],
};
