import * as v from "valibot";
import * as values from "./config-values.ts";
import { policies } from "./policies/index.ts";
import type { Traits } from "./ports.ts";
import { duration } from "./units.ts";
import { option, section } from "./validate.ts";

const policyNames = Object.keys(policies) as (keyof typeof policies)[];

const factor = "0, or a percentage from 100 to 10000";

const BalanceFactor = v.pipe(
  v.number(factor),
  v.check((percent) => percent === 0 || (percent >= 100 && percent <= 10_000), factor),
);

/** How a backend is chosen: a name, or an object with what the policy goes by. */
export const policy = ({ start }: Pick<Traits, "start">) =>
  v.pipe(
    v.union([
      values.oneOf(policyNames),
      section({
        type: v.pipe(values.oneOf(policyNames), v.description("How a backend is chosen.")),
        start: option(
          values.oneOf(["first", "random"]),
          start,
          "round-robin: where the rotation begins; first, on Workers random by default.",
        ),
        key: option(
          values.requestKey(),
          "ip",
          "hash: what decides; ip (IPv6 by /64), path, uri, header:NAME, query:NAME or cookie:NAME. Without it, the address.",
        ),
        balanceFactor: option(
          BalanceFactor,
          0,
          "hash: percent of the mean load that a backend may carry before the next one is taken; 0 is no limit.",
        ),
        decay: option(duration(1), "10s", "peak-ewma: after so long a third of what was seen still counts."),
      }),
    ], `${values.quoted(policyNames)} or an object with it as "type"`),
    v.transform((policy) =>
      typeof policy === "string" ? { type: policy, start, key: "ip", balanceFactor: 0, decay: 10_000 } : policy
    ),
  );

/** Which keys of a policy mean something to which type. */
export const policyKeys: Readonly<Record<string, string>> = {
  start: "round-robin",
  key: "hash",
  balanceFactor: "hash",
  decay: "peak-ewma",
};
