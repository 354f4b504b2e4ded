/** Measures how long a pick takes on the runtime that runs it; the argument is the number of rounds. Prints JSON: `Measured[]`. */
import process from "node:process";
import { type Balancer, createBalancer } from "../../src/core/balancer.ts";
import { createMeters } from "../../src/core/meters.ts";
import { policies } from "../../src/core/policies/index.ts";
import type { Candidates, PickContext, Policy } from "../../src/core/policy.ts";
import type { Backend } from "../../src/core/pool.ts";
import { type Measured, sizes, weightings } from "./measured.ts";

const rounds = Number(process.argv[2] ?? 5);
const roundUs = 20_000;

const keys = Array.from(
  { length: 1024 },
  (_, index) => `203.0.${index >> 8}.${index & 255}`,
);
let turn = 0;
const key = () => keys[turn++ & 1023]!;

const names = Object.keys(policies) as (keyof typeof policies)[];
const measured: Measured[] = [];
for (const backends of sizes) {
  for (const weights of weightings) {
    const list = listOf(backends, weights);
    const add = (name: string, pick: () => void) => void measured.push({ name, backends, weights, ns: nsOf(pick) });
    for (const name of names) {
      add(
        name,
        picker(list, policies[name]({ start: "first", balanceFactor: 0 })),
      );
    }
    add(
      "hash, balanceFactor 125",
      picker(list, policies.hash({ balanceFactor: 125 })),
    );
    add(
      "round-robin, balancer's pick and done",
      picksAndEnds(list, balancer()),
    );
  }
}
process.stdout.write(`${JSON.stringify(measured)}\n`);

function listOf(length: number, weights: string): Candidates {
  const backend = (_: unknown, index: number): Backend => ({
    id: `10.0.${index >> 8}.${index & 255}:8080`,
    url: `http://10.0.${index >> 8}.${index & 255}:8080`,
    weight: weights === "equal" ? 1 : 1 + (index % 7),
    priority: 0,
    maxRequests: 0,
    state: "active",
  });
  return Array.from({ length }, backend) as readonly Backend[] as Candidates;
}

/** A pick beside many requests in flight. Every eighth begins one and ends the oldest, so that the loads change and cost little. */
function picker(list: Candidates, policy: Policy): () => void {
  const meters = createMeters(10_000);
  list.forEach(({ id }, index) => meters.learn(id, 10 + ((index * 17) % 50), 0));
  // The balancer has read the clock before it picks.
  const context: PickContext = {
    random: Math.random,
    now: () => 5_000,
    key,
    meter: meters.of,
  };
  const open = Array.from({ length: list.length * 4 }, () => {
    const { id } = policy(list, context);
    meters.begin(id);
    return id;
  });
  let picks = 0;
  let oldest = 0;
  return () => {
    const { id } = policy(list, context);
    if ((++picks & 7) !== 0) return;
    meters.begin(id);
    meters.end(open[oldest]!);
    open[oldest] = id;
    oldest = (oldest + 1) % open.length;
  };
}

function balancer(): Balancer {
  const rule = {
    panicThreshold: 0,
    slowStart: { window: 0, aggression: 1, minWeightPercent: 10 },
    drainMs: 300_000,
    outlierDetection: {
      consecutiveErrors: 5,
      consecutive5xx: 0,
      successRate: false,
      baseEjectionTime: 30_000,
      maxEjectionTime: 300_000,
      maxEjectionPercent: 50,
    },
  } as const;
  return createBalancer(
    () => policies["round-robin"]({ start: "first" }),
    rule,
    {
      random: Math.random,
      now: Date.now,
      tell: () => {},
    },
  );
}

function picksAndEnds(list: Candidates, { pick }: Balancer): () => void {
  const pool = { backends: list, health: {} };
  return () => {
    const picked = pick(pool, { key });
    picked!.answered(200);
    picked!.done();
  };
}

/** Nanoseconds of CPU time a call in each round, after it was warmed up: what else runs on the machine is not in it. */
function nsOf(call: () => void): readonly number[] {
  const run = (calls: number): number => {
    const before = process.cpuUsage();
    for (let left = calls; left > 0; left--) call();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  let calls = 1_000;
  let us = run(calls);
  for (; us < 2 * roundUs; us = run(calls)) {
    calls = Math.ceil(calls * Math.min(10, (2.5 * roundUs) / us));
  }
  calls = Math.ceil((calls * roundUs) / us);
  return Array.from({ length: rounds }, () => (run(calls) * 1_000) / calls);
}
