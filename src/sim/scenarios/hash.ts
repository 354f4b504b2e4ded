import type { ScenarioInput } from "../schema.ts";

export const hash: ScenarioInput = {
  title: "One of ten backends leaves: whose clients get another one",
  duration: "60s",
  backends: [{ name: "b", count: 10, service: { exponential: "20ms" } }],
  clients: { rate: 1000, count: 5000 },
  changes: [{ backends: ["b4"], at: "30s", state: "maintenance" }],
  follow: ["b4"],
  pool: { policy: "hash" },
  variants: {
    hash: {},
    "hash-bounded": { pool: { policy: { type: "hash", balanceFactor: 150 } } },
    "round-robin": { pool: { policy: "round-robin" } },
  },
  columns: ["requests", "errors", "clientsMoved", "movedNeedlessly", "peak"],
};
