import type { ConformanceCase } from "../case.ts";
import { hostileCases } from "../hostile.ts";
import { abortCases } from "./abort.ts";
import { adminCases } from "./admin.ts";
import { answerCases } from "./answers.ts";
import { bodyCases } from "./bodies.ts";
import { brokenCases } from "./broken.ts";
import { compressionCases } from "./compression.ts";
import { forwardingCases } from "./forwarding.ts";
import { forwardingFieldCases } from "./forwarding-fields.ts";
import { headerCases } from "./headers.ts";
import { healthCases } from "./health.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { limitCases } from "./limits.ts";
import { logCases } from "./logs.ts";
import { mountedCases } from "./mounted.ts";
import { probeCases } from "./probes.ts";
import { retryCases } from "./retries.ts";
import { rotationCases } from "./rotation.ts";
import { routeCases } from "./routes.ts";
import { startCases } from "./start.ts";

/** Every behaviour that the balancer promises on every runtime, in the order they are asked. */
export const cases: readonly ConformanceCase[] = [
  ...forwardingCases,
  ...headerCases,
  ...forwardingFieldCases,
  ...bodyCases,
  ...compressionCases,
  ...abortCases,
  ...brokenCases,
  ...rotationCases,
  ...retryCases,
  ...routeCases,
  ...answerCases,
  ...limitCases,
  ...adminCases,
  ...logCases,
  ...probeCases,
  ...healthCases,
  ...mountedCases,
  ...startCases,
  ...lifecycleCases,
  ...hostileCases,
];
