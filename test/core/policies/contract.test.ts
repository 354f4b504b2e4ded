import { policies } from "../../../src/core/policies/index.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { policyContract } from "../../contracts/policy.ts";

const options = { start: "first", balanceFactor: 0 } as const;
const names = Object.keys(policies) as (keyof typeof policies)[];

const created: readonly (readonly [name: string, create: () => Policy])[] = [
  ...names.map((name) => [name, () => policies[name](options)] as const),
  ["round-robin, start random", () => policies["round-robin"]({ ...options, start: "random" })],
  ["least-connections, start random", () => policies["least-connections"]({ ...options, start: "random" })],
  ["hash, balanceFactor 100", () => policies.hash({ ...options, balanceFactor: 100 })],
  ["hash, balanceFactor 125", () => policies.hash({ ...options, balanceFactor: 125 })],
];

for (const [name, create] of created) policyContract(name, create);
