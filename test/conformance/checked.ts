import { exchange } from "../support/raw-client.ts";
import type { Handler, RawBackend } from "../support/raw-backend.ts";
import { eventually } from "../support/wait.ts";
import { ready, type RunningBalancer } from "./balancer.ts";
import type { CaseContext } from "./case.ts";

/** Milliseconds between two checks: short, so that a case need not wait. */
export const interval = 200;

/** Healthy while `state.well`; everything but the check is answered with the backend's name. */
export const moody = (name: string, state: { well: boolean }): Handler => (arrival) =>
  arrival.target === "/health" ? arrival.answer(state.well ? 200 : 500, [], "feeling") : arrival.answer(200, [], name);

/** The checks among what reached a backend. */
export const checks = (backend: RawBackend) => backend.arrivals.filter((arrival) => arrival.target === "/health");
/** Everything but the checks. */
export const requests = (backend: RawBackend) => backend.arrivals.filter((arrival) => arrival.target !== "/health");

/** Starts a balancer over one checked pool and waits for its first sweep; nothing is tried twice, so that a bad pick shows. */
export const startChecked = async (
  context: CaseContext,
  backends: readonly unknown[],
  healthCheck: Record<string, unknown>,
): Promise<RunningBalancer> => {
  const balancer = await context.start({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { web: { backends, healthCheck: { interval, timeout: 150, ...healthCheck }, retry: { attempts: 0 } } },
  });
  await ready(balancer.port);
  return balancer;
};

/** Waits until the log tells of the transition. */
export const told = (balancer: RunningBalancer, word: "DOWN" | "UP", { port }: RawBackend) =>
  balancer.waitForLog(
    (_line, text) => text.includes(`backend ${word} `) && text.includes(`:${port}`),
    `backend ${word} for port ${port}`,
  );

/** Who answers so many requests. */
export const askFor = async ({ port }: RunningBalancer, times: number) => {
  const answers: string[] = [];
  for (let turn = 0; turn < times; turn += 1) answers.push((await exchange(port)).body.toString());
  return [...new Set(answers)].sort();
};

/** Until the requests' side of the balancer knows what its log told: on Workers the pool is read from the store from time to time. */
export const settled = (balancer: RunningBalancer, times: number, expected: readonly string[]) =>
  eventually(
    14_000,
    `only ${expected} answering`,
    async () => ((await askFor(balancer, times)).join() === expected.join() ? true : undefined),
  );
