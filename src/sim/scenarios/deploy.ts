import type { ScenarioInput } from "../schema.ts";

export const deploy: ScenarioInput = {
  title: "Six backends are replaced one after the other: without a word, or drained first",
  duration: "120s",
  backends: [{ name: "b", count: 6, service: { exponential: "100ms" }, workers: 20, queue: 100 }],
  clients: { rate: 500, postPercent: 20 },
  deploys: [{ from: "10s", away: "8s", pause: "4s" }],
  variants: {
    "killed-no-retries": { pool: { retry: { attempts: 0 } } },
    killed: {},
    drained: { deploys: [{ from: "10s", drain: "4s", away: "8s", pause: "4s" }] },
  },
  columns: ["requests", "errors", "clientsHit", "amplification", "p50", "p99", "ejections"],
};
