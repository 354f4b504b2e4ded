import type { ConformanceCase } from "../case.ts";
import { abortCases } from "./abort.ts";
import { addressCases } from "./addresses.ts";
import { adminCases } from "./admin.ts";
import { affinityCases } from "./affinity.ts";
import { answerCases } from "./answers.ts";
import { arrivalCases } from "./arrivals.ts";
import { backendTlsCases } from "./backend-tls.ts";
import { bodyCases } from "./bodies.ts";
import { brokenCases } from "./broken.ts";
import { compressionCases } from "./compression.ts";
import { connectionCases } from "./connections.ts";
import { fidelityCases } from "./fidelity.ts";
import { forwardingCases } from "./forwarding.ts";
import { forwardingFieldCases } from "./forwarding-fields.ts";
import { headerCases } from "./headers.ts";
import { healthCases } from "./health.ts";
import { interimCases } from "./interim.ts";
import { inventedCases } from "./invented.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { limitCases } from "./limits.ts";
import { loadCases } from "./load.ts";
import { logCases } from "./logs.ts";
import { mountedCases } from "./mounted.ts";
import { outlierCases } from "./outliers.ts";
import { denoServeCases } from "./by-deno-serve.ts";
import { overTlsCases } from "./over-tls.ts";
import { policyCases } from "./policies.ts";
import { probeCases } from "./probes.ts";
import { retryCases } from "./retries.ts";
import { rotationCases } from "./rotation.ts";
import { routeCases } from "./routes.ts";
import { startCases } from "./start.ts";
import { steeringCases } from "./steering.ts";
import { targetCases } from "./targets.ts";
import { http2FloodCases } from "./http2-floods.ts";
import { http2Cases } from "./http2.ts";
import { tlsCases } from "./tls.ts";
import { webSocketEndCases } from "./websocket-ends.ts";
import { webSocketFloodCases } from "./websocket-floods.ts";
import { webSocketHandshakeCases } from "./websocket-handshakes.ts";
import { webSocketMessageCases } from "./websocket-messages.ts";
import { webSocketShutdownCases } from "./websocket-shutdown.ts";

/** Every behaviour that the balancer promises on every runtime, in the order they are asked. */
export const cases: readonly ConformanceCase[] = [
  ...forwardingCases,
  ...targetCases,
  ...headerCases,
  ...forwardingFieldCases,
  ...fidelityCases,
  ...inventedCases,
  ...bodyCases,
  ...interimCases,
  ...connectionCases,
  ...compressionCases,
  ...abortCases,
  ...brokenCases,
  ...rotationCases,
  ...addressCases,
  ...policyCases,
  ...affinityCases,
  ...steeringCases,
  ...loadCases,
  ...outlierCases,
  ...retryCases,
  ...arrivalCases,
  ...routeCases,
  ...answerCases,
  ...limitCases,
  ...adminCases,
  ...logCases,
  ...probeCases,
  ...healthCases,
  ...mountedCases,
  ...webSocketHandshakeCases,
  ...webSocketMessageCases,
  ...webSocketEndCases,
  ...webSocketFloodCases,
  ...webSocketShutdownCases,
  ...denoServeCases,
  ...overTlsCases,
  ...tlsCases,
  ...http2Cases,
  ...http2FloodCases,
  ...backendTlsCases,
  ...startCases,
  ...lifecycleCases,
];
