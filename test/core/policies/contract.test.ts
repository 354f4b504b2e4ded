import { policies } from "../../../src/core/policies/index.ts";
import { policyContract } from "../../contracts/policy.ts";

for (const [name, create] of Object.entries(policies)) {
  for (const start of ["first", "random"] as const) policyContract(`${name}, start ${start}`, () => create({ start }));
}
