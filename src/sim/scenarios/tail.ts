import type { ScenarioInput } from "../schema.ts";

export const tail: ScenarioInput = {
  title: "Most answers are fast and a few take very long: hedging after the p95",
  duration: "120s",
  backends: [{ name: "b", count: 20, service: { lognormal: { median: "20ms", sigma: 1 } }, workers: 32 }],
  clients: { rate: 1000 },
  variants: {
    "no-hedging": {},
    "hedging": { pool: { hedging: {} } },
  },
  columns: ["requests", "errors", "amplification", "p50", "p95", "p99", "p999"],
};
