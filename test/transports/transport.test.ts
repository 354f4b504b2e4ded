import type { Transport } from "../../src/core/ports.ts";
import { transportContract } from "../contracts/transport.ts";
import type { TransportTraits } from "../contracts/transport/case.ts";

const undici: TransportTraits = { gaps: {}, invents: ["connection"] };
const bun: TransportTraits = { gaps: {}, invents: ["accept", "connection", "user-agent"] };

async function own(): Promise<readonly [name: string, create: () => Transport, traits: TransportTraits]> {
  // undici is Bun's own stand-in there, which lacks what is imported from it: the file is loaded only where it is used.
  if ("Bun" in globalThis) return ["bunTransport", (await import("../../src/transports/bun.ts")).bunTransport, bun];
  return ["undiciTransport", (await import("../../src/transports/undici.ts")).undiciTransport, undici];
}

transportContract(...(await own()));
