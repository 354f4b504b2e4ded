import type { ScenarioInput } from "../schema.ts";

export const million: ScenarioInput = {
  title: "A million requests through one process, with all defaults: how long the simulator takes for them",
  duration: "1000s",
  backends: [{ name: "b", count: 10, service: { exponential: "50ms" }, workers: 16 }],
  clients: { rate: 1000, count: 10_000 },
  outages: [{ backends: ["b1"], as: "refuse", from: "300s", to: "600s" }],
  columns: ["requests", "errors", "amplification", "p50", "p99", "busiest"],
};
