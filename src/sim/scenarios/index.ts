import type { ScenarioInput } from "../schema.ts";
import { deploy } from "./deploy.ts";
import { detection } from "./detection.ts";
import { flapping } from "./flapping.ts";
import { hash } from "./hash.ts";
import { million } from "./million.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { recovery } from "./recovery.ts";
import { retryStorm } from "./retry-storm.ts";
import { slowBackend } from "./slow-backend.ts";
import { tail } from "./tail.ts";
import { thousandIsolates } from "./thousand-isolates.ts";

/** Every scenario that comes along, by its name on the command line. */
export const scenarios: Readonly<Record<string, ScenarioInput>> = {
  "thousand-isolates": thousandIsolates,
  "power-of-two": powerOfTwo,
  "slow-backend": slowBackend,
  "retry-storm": retryStorm,
  recovery,
  detection,
  flapping,
  hash,
  deploy,
  tail,
  million,
};
