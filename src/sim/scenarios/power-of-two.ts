import type { ScenarioInput } from "../schema.ts";

/** As many requests as backends, none of which ends: balls into bins. */
const bins = (size: number, policy: string) => ({
  backends: [{ name: "b", count: size, service: "1h" }],
  clients: { burst: size },
  pool: { policy },
});

export const powerOfTwo: ScenarioInput = {
  title: "n requests at once for n backends: most in flight at one of them, by chance and by the better of two",
  duration: "1s",
  backends: [{ name: "b", count: 100, service: "1h" }],
  clients: { burst: 100 },
  pool: { healthCheck: false, timeouts: { response: "2h", request: "2h" } },
  variants: {
    "random-100": bins(100, "random"),
    "p2c-100": bins(100, "p2c"),
    "random-1000": bins(1000, "random"),
    "p2c-1000": bins(1000, "p2c"),
    "random-10000": bins(10_000, "random"),
    "p2c-10000": bins(10_000, "p2c"),
    "p2c-1000-of-100-isolates": { ...bins(1000, "p2c"), isolates: 100 },
  },
  columns: ["requests", "peak"],
};
