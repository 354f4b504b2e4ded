import { createDraw } from "../draw.ts";
import type { PolicyFactory } from "../policy.ts";

/** Any candidate, as often as the weights say. */
export const random: PolicyFactory<unknown> = () => {
  const draw = createDraw();
  return (candidates, context) => candidates[draw.any(candidates, context.random)]!;
};
